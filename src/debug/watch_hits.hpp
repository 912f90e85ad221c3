// The processor's four watches of this process, as the exception handler sees them: what each watches, and a ring of
// who wrote. The handler runs in the thread that wrote, wherever that was: it takes no lock, allocates nothing, and
// leaves the thread's last error alone.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <moor/forensics.hpp>

#include "win/process_registration.hpp"
#include "win/windows.hpp"

namespace moor::debug {

/// A hit as the handler records it.
struct raw_hit {
    static constexpr std::size_t name_words = 4;

    std::uint64_t number = 0;
    std::uint64_t instruction = 0;
    std::uint64_t value = 0;
    std::uint64_t coroutine = 0;
    std::uint64_t thread_and_stack = 0; ///< the lower half the thread's number, the upper the kind of stack
    std::array<std::uint64_t, name_words> name{};
};

/// Several threads record, any thread reads. Each entry has a number: odd while somebody writes to it. A hit that finds
/// its entry so is counted and not kept.
class hit_ring {
public:
    static constexpr std::size_t capacity = 64;

    /// The number of the new hit.
    std::uint64_t begin_hit() noexcept { return count_.fetch_add(1, std::memory_order_relaxed); }
    void keep(const raw_hit& hit) noexcept;

    [[nodiscard]] std::uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
    /// Nothing when it is not there (any more, or yet).
    [[nodiscard]] std::optional<raw_hit> read(std::uint64_t number) const noexcept;
    /// While nobody records.
    void clear() noexcept;

private:
    static constexpr std::size_t words = sizeof(raw_hit) / sizeof(std::uint64_t);

    struct entry {
        std::atomic<std::uint64_t> version{0}; // 0: empty
        std::array<std::atomic<std::uint64_t>, words> contents{};
    };

    std::atomic<std::uint64_t> count_{0};
    std::array<entry, capacity> entries_{};
};

/// One of the processor's four.
struct watch_slot {
    enum class use : std::uint8_t {
        free,
        taken, ///< being armed or disarmed
        armed,
    };

    std::atomic<use> state{use::free};
    /// Stays after disarming: a thread may have run into it and not got here yet.
    std::atomic<std::uint64_t> address{0};
    std::atomic<std::size_t> size{0};
    std::atomic<watch_output> output{watch_output::none};
    std::atomic<std::uint64_t> test_word{0};
    std::atomic<bool> test_seen{false};
    hit_ring hits;
};

inline constexpr std::size_t most_watches = 4;
inline std::array<watch_slot, most_watches> watch_slots;

/// The handler. Using it throws std::system_error.
[[nodiscard]] win::process_registration& watch_handler() noexcept;

} // namespace moor::debug
