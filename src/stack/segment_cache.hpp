// Each worker's own stock of segments, so that spawning, growing and finishing take no lock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "stack/segment_pool.hpp"

namespace moor::stack {

/// Segments of every class, last in first out. Only one worker uses it. It keeps addresses, and nothing in the segments
/// themselves. The pool outlives it.
class segment_cache {
public:
    /// Of each class a cache keeps no more than this, in bytes; and at most 1,024 segments.
    static constexpr std::size_t default_most_bytes_per_class = std::size_t{256} * 1024;

    /// Keeps nothing, and passes everything on, when the pool is not cacheable or `most_bytes_per_class` is too small
    /// for two segments of a class. Throws std::bad_alloc.
    explicit segment_cache(segment_pool& pool, std::size_t most_bytes_per_class = default_most_bytes_per_class);
    segment_cache(const segment_cache&) = delete;
    segment_cache& operator=(const segment_cache&) = delete;
    /// Gives everything back to the pool.
    ~segment_cache();

    /// A segment of that size, one of the seven. Empty when the pool has none. An empty cache fetches several.
    [[nodiscard]] segment take(std::size_t size) noexcept {
        const std::size_t number = segment_class(size);
        const std::uint32_t count = counts_[number].load(std::memory_order_relaxed);
        if (count == 0) [[unlikely]] {
            return fetch(number);
        }
        counts_[number].store(count - 1, std::memory_order_relaxed);
        return {shelves_[number].bases[count - 1], size};
    }

    /// Keeps a segment of the pool, from whichever worker. A full cache gives half of the class back.
    void give(segment unused) noexcept {
        const std::size_t number = segment_class(unused.size);
        const std::uint32_t count = counts_[number].load(std::memory_order_relaxed);
        if (count == shelves_[number].capacity) [[unlikely]] {
            pass_on(number, unused.base);
            return;
        }
        shelves_[number].bases[count] = unused.base;
        counts_[number].store(count + 1, std::memory_order_relaxed);
    }

    /// Gives everything back to the pool; for a worker that has become idle.
    void clear() noexcept;

    [[nodiscard]] segment_pool& pool() const noexcept { return pool_; }

    /// Where it keeps the addresses; the same for its whole life. Any thread.
    [[nodiscard]] const void* storage() const noexcept { return static_cast<const void*>(storage_.get()); }

private:
    struct shelf {
        std::byte** bases = nullptr;
        std::uint32_t capacity = 0;
    };

    // The pool may ask the system for memory, for which a stack that moves has no room.
    segment fetch(std::size_t number) noexcept;
    void pass_on(std::size_t number, std::byte* base) noexcept;
    segment fetch_with_room(std::size_t number) noexcept;
    void pass_on_with_room(std::size_t number, std::byte* base) noexcept;
    void keep_only(std::size_t number, std::uint32_t kept) noexcept;

    segment_pool& pool_;
    std::array<shelf, segment_classes> shelves_{};
    cached_segments counts_{}; // how much of each shelf is filled; written by the worker, read by counters()
    std::unique_ptr<std::byte*[]> storage_;
};

} // namespace moor::stack
