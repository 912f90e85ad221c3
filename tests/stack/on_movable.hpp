// What the tests of movable stacks share: running code on one, making its stack grow at a chosen call, and knowing
// which debugging switches the process runs with. Code on such a stack gathers results; the expectations are outside,
// because GoogleTest has no stack checks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include <moor/debug.hpp>
#include <moor/runtime.hpp>
#include <moor/spawn.hpp>
#include <moor/stack.hpp>
#include <moor/this_coroutine.hpp>

#include "support/run.hpp"

namespace moor::test {

/// What MOOR_DEBUG asks for: ctest runs the same executable under each switch.
inline const debug_switches& switches() {
    static const debug_switches found = [] {
        debug_switches read;
        if (const char* const text = std::getenv("MOOR_DEBUG")) {
            parse_debug_switches(text, read);
        }
        return read;
    }();
    return found;
}

/// Whether checks fire that a stack's size gives no reason for.
inline bool moves_without_need() { return switches().force_move; }

/// Runs `body` on a coroutine with a movable stack, alone in a runtime of its own, and returns its result.
template <class Body>
auto on_movable(Body body, spawn_options options = {}) {
    options.stack = stack_kind::movable;
    return in_runtime(1, [&] { return spawn(options, std::move(body)).join(); });
}

/// Has the compiler take `object` for read and written here, so that it is in memory and its frame is real.
template <class Object>
[[gnu::always_inline]] inline void keep(Object& object) noexcept {
    asm volatile("" : : "r"(&object) : "memory");
}

/// Where an object was, kept so that no move adjusts it.
class former_place {
public:
    explicit former_place(const void* object) noexcept : bits_(reinterpret_cast<std::uint64_t>(object)) {
        asm volatile("not %0" : "+r"(bits_)); // here and now: the compiler must not keep the address, nor do it earlier
    }
    [[nodiscard]] bool is_where(const void* object) const noexcept {
        bool same = ~bits_ == reinterpret_cast<std::uint64_t>(object);
        asm volatile("" : "+r"(same)); // now, not when it is needed
        return same;
    }

private:
    std::uint64_t bits_;
};

/// A local of a function that has to grow the stack before it begins: no first segment holds it.
struct large_local {
    static constexpr std::size_t size = std::size_t{12} * 1024;
    std::array<std::byte, size> bytes;
    large_local() noexcept { keep(*this); } // uninitialised: its room is what matters
};

/// Calls `function()` below a frame of so many bytes, which it fills and looks at again.
template <std::size_t Bytes, class Function>
[[gnu::noinline]] bool below_frame(std::uint8_t mark, Function&& function) {
    std::array<volatile std::uint8_t, Bytes> frame;
    for (std::size_t index = 0; index < Bytes; ++index) {
        frame[index] = static_cast<std::uint8_t>(mark + index);
    }
    keep(frame);
    std::forward<Function>(function)();
    for (std::size_t index = 0; index < Bytes; ++index) {
        if (frame[index] != static_cast<std::uint8_t>(mark + index)) {
            return false;
        }
    }
    return true;
}

/// Makes the stack of the calling coroutine at least so large, by growth alone. Returns whether all was in place after.
[[gnu::noinline]] inline bool grow_by_kibibytes(unsigned kibibytes) {
    if (kibibytes == 0) {
        return true;
    }
    bool deeper = false;
    const bool here = below_frame<900>(static_cast<std::uint8_t>(kibibytes), // and what surrounds a frame
                                       [&] { deeper = grow_by_kibibytes(kibibytes - 1); });
    return here && deeper;
}

/// Numbers that depend on the order of what is mixed in.
class mixed {
public:
    template <class Value>
    constexpr mixed& operator<<(Value value) noexcept {
        value_ = (value_ ^ static_cast<std::uint64_t>(value)) * 0x9e3779b97f4a7c15ull;
        value_ ^= value_ >> 32;
        return *this;
    }
    [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }

private:
    std::uint64_t value_ = 0x243f6a8885a308d3ull;
};

} // namespace moor::test
