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

#include "stack/mixed.hpp"
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

/// Whether a move has the system make memory inaccessible, which is slow under Wine.
inline bool moves_cost_system_calls() { return switches().stack_fault_on_free || switches().stack_guard; }

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

/// Where the caller's stack pointer is, as a number: the address of a frame is refused to code that may move.
[[gnu::always_inline]] inline std::uintptr_t stack_pointer() noexcept {
    std::uintptr_t here = 0;
    asm volatile("movq %%rsp, %0" : "=r"(here));
    return here;
}

// A frame on the stack that moves: arguments are the only large thing that lies there.
inline constexpr std::size_t most_arguments = 112;

template <class Function, class... Words>
[[gnu::noinline]] bool with_arguments(Function& function, std::uint64_t mark, Words... words) {
    function();
    std::uint64_t expected = mark;
    return ((words == expected++) && ...);
}

template <class Function, std::size_t... Numbers>
[[gnu::noinline]] bool pass_arguments(Function& function, std::uint64_t mark, std::index_sequence<Numbers...>) {
    return with_arguments(function, mark, (mark + Numbers)...);
}

/// Calls `function()` below a frame of so many bytes and more on the stack that moves, which is looked at again.
template <std::size_t Bytes, class Function>
[[gnu::noinline]] bool below_control_frame(std::uint64_t mark, Function&& function) {
    if constexpr (Bytes > most_arguments * sizeof mark) {
        bool deeper = false;
        auto rest = [&] { deeper = below_control_frame<Bytes - most_arguments * sizeof mark>(mark + 1, function); };
        const bool here = pass_arguments(rest, mark, std::make_index_sequence<most_arguments>());
        return here && deeper;
    } else {
        return pass_arguments(function, mark, std::make_index_sequence<(Bytes + sizeof mark - 1) / sizeof mark>());
    }
}

template <class... Words>
[[gnu::noinline]] void take_arguments(Words...) {
    asm volatile("");
}

/// A local of a function that has to grow the stack before it begins: no first segment holds the arguments of the call.
struct large_local {
    static constexpr std::size_t size = std::size_t{12} * 1024;
    [[gnu::always_inline]] large_local() noexcept { pass(std::make_index_sequence<size / sizeof(std::uint64_t)>()); }

private:
    template <std::size_t... Numbers>
    [[gnu::always_inline]] static void pass(std::index_sequence<Numbers...>) noexcept {
        take_arguments(std::uint64_t{Numbers}...);
    }
};

/// Calls `function()` below a frame of so many bytes, on either stack, which it fills and looks at again.
template <std::size_t Bytes, class Function>
[[gnu::noinline]] bool below_frame(std::uint8_t mark, Function&& function) {
    std::array<volatile std::uint8_t, Bytes> frame;
    for (std::size_t index = 0; index < Bytes; ++index) {
        frame[index] = static_cast<std::uint8_t>(mark + index);
    }
    keep(frame);
    if (!below_control_frame<Bytes>(mark, function)) {
        return false;
    }
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
    const bool here = below_frame<440>(static_cast<std::uint8_t>(kibibytes), // and what surrounds a frame
                                       [&] { deeper = grow_by_kibibytes(kibibytes - 1); });
    return here && deeper;
}

} // namespace moor::test
