// The memory of a model: for each atomic object the values that were stored, in order, and which of them a load may
// see; for every byte who has touched it, so that an access that is not ordered with another is found.
//
// The rules are C++20's ([intro.races], [atomics.order]) in the form of RC11 (Lahav and others, PLDI 2017), with two
// bounds: a load sees no store that has not run yet, and the modification order of an object is the order in which its
// stores run. What else could happen needs a compiler or a processor that moves stores before loads.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "clock.hpp"

namespace moor::model {

/// One of the values that an atomic object had.
struct store {
    std::uint64_t value = 0;
    std::uint8_t thread = 0;
    std::uint16_t event = 0;
    vector_clock released; // what an acquire load of it synchronises with
    /// The first event in which each thread read it; 0: none.
    std::array<std::uint16_t, most_threads> read_at{};
};

struct location {
    std::uintptr_t address = 0;
    std::uint8_t size = 0;
    bool stale = false;             // written as plain memory since: the value is in memory
    std::uint8_t writer = 0;        // who did that
    std::uint16_t written_at = 0;   // and when
    std::size_t after_last_seq = 0; // index of the last sequentially consistent store
    std::uint64_t order_hash = 0;   // names the stores and their order
    std::vector<store> history;     // in modification order
};

/// What a thread of a model has seen.
struct thread_view {
    vector_clock now;               // what happens before its next event
    vector_clock to_acquire;        // joined by an acquire fence
    vector_clock fence_release;     // of its last release fence
    vector_clock visible;           // stores that it may not overlook, although they do not happen before
    std::vector<std::size_t> floor; // by location: sequentially consistent stores before its last such fence
    std::uint64_t history = 0;      // names all that it did and read
    std::uint64_t fences = 0;       // names `visible` and `floor`
};

/// An access that was found to be wrong.
struct violation {
    const char* what = nullptr;
    std::uintptr_t address = 0;
};

class memory {
public:
    static constexpr std::size_t most_locations = 512;

    memory();

    /// Forgets everything: another execution begins.
    void reset() noexcept;

    [[nodiscard]] location& at(std::uintptr_t address, std::uint8_t size, std::size_t thread);

    /// From which index on of its history `thread` may read.
    [[nodiscard]] std::size_t first_visible(const location& of, std::size_t thread,
                                            std::memory_order order) const noexcept;

    /// The three kinds of accesses. Each begins an event of the thread.
    std::uint64_t load(location& from, std::size_t index, std::size_t thread, std::memory_order order) noexcept;
    void write(location& to, std::uint64_t value, std::size_t thread, std::memory_order order) noexcept;
    /// Reads the last value and stores another one.
    void read_modify_write(location& of, std::uint64_t value, std::size_t thread, std::memory_order order) noexcept;
    void fence(std::size_t thread, std::memory_order order) noexcept;

    /// Anything else that decides how a thread goes on.
    void note(std::size_t thread, std::uint64_t what) noexcept {
        set_history(thread, mixed(threads_[thread].history, what));
    }

    /// All stores so far are visible to it from now on, as they are after a while: a loop that waits sees them.
    void catch_up(std::size_t thread) noexcept;

    void start(std::size_t thread, std::size_t from) noexcept;
    void join(std::size_t thread, std::size_t into) noexcept;

    /// Accesses of plain memory.
    std::optional<violation> plain_read(std::uintptr_t address, std::size_t bytes, std::size_t thread) noexcept;
    std::optional<violation> plain_write(std::uintptr_t address, std::size_t bytes, std::size_t thread) noexcept;
    /// After a plain_write() of all of it: it may not be used any more.
    void freed(std::uintptr_t address, std::size_t bytes) noexcept;
    /// An atomic access as one of memory.
    std::optional<violation> atomic_access(const location& of, bool writes, std::size_t thread) noexcept;

    /// Names what was done and read so far, whatever the order of independent steps was.
    [[nodiscard]] std::uint64_t state() const noexcept { return locations_hash_ + threads_hash_ + order_of_fences_; }
    [[nodiscard]] std::uint64_t writes() const noexcept { return writes_; }

private:
    enum class access_kind : std::uint8_t { read, write, atomic_read, atomic_write };
    // An access to some bytes of a word. A plain one belongs to the event that comes next.
    struct access_record {
        std::uint16_t event = 0;
        std::uint8_t thread = 0;
        std::uint8_t bytes = 0; // a bit each
        access_kind kind{};
    };
    struct word {
        std::uintptr_t address = 0; // divided by 8
        std::uint32_t execution = 0;
        bool has_atomic = false;
        std::uint8_t freed = 0; // bytes
        std::uint8_t count = 0;
        std::array<access_record, 32> records{};
    };

    [[nodiscard]] word& word_at(std::uintptr_t eighth);
    void grow();
    [[nodiscard]] static bool stands_for(access_kind later, access_kind before) noexcept;
    std::optional<violation> access(word& to, std::uint8_t bytes, access_kind kind, std::size_t thread);
    std::optional<violation> access_all(std::uintptr_t address, std::size_t bytes, access_kind kind,
                                        std::size_t thread);
    void note_plain_write(std::uintptr_t first, std::uintptr_t end, std::size_t thread) noexcept;
    void set_history(std::size_t thread, std::uint64_t hash) noexcept;
    std::uint16_t begin_event(std::size_t thread) noexcept { return ++threads_[thread].now.at[thread]; }
    void append(location& to, std::uint64_t value, std::size_t thread, std::memory_order order,
                const vector_clock* continued) noexcept;
    void take_over(location& from, std::size_t index, std::size_t thread, std::memory_order order) noexcept;
    void renew(location& of) noexcept;

    std::array<thread_view, most_threads> threads_{};
    std::vector<location> locations_;
    std::size_t used_locations_ = 0;
    vector_clock fenced_; // what sequentially consistent fences have seen
    std::uint64_t locations_hash_ = 0;
    std::uint64_t threads_hash_ = 0;
    std::uint64_t order_of_fences_ = 0;
    std::uint64_t writes_ = 0;
    std::vector<word> words_; // a hash table
    std::size_t used_words_ = 0;
    std::uint32_t execution_ = 1;
};

} // namespace moor::model
