// Memory of movable stacks: segments of power-of-two sizes, cut from chunks of large reservations. It serves law 3:
// growing and shrinking are so frequent that a segment must cost a few nanoseconds, and a million of small
// ones must not cost more than they hold. So nothing of the pool lies within a segment, a chunk of 64 KiB needs 16
// bytes of bookkeeping, and chunks are used from the lowest address on, which also keeps the system's list of mappings
// short.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "stack/segment_space.hpp"
#include "win/system_lock.hpp"

namespace moor::stack {

class segment_chunks;
class segment_pages;

/// Memory of a movable stack, the addresses from `base` to `base + size`: a value, owned by convention (a coroutine, a
/// cache, or the pool). Aligned to 1 KiB at least. What it holds at first is not defined.
struct segment {
    std::byte* base = nullptr;
    std::size_t size = 0;

    [[nodiscard]] std::byte* top() const noexcept { return base + size; }
    [[nodiscard]] explicit operator bool() const noexcept { return base != nullptr; }
};

/// The sizes of segments are the powers of two between these, in bytes.
inline constexpr std::size_t smallest_segment = 1024;
inline constexpr std::size_t largest_segment = std::size_t{64} * 1024;
inline constexpr std::size_t segment_classes =
    static_cast<std::size_t>(std::countr_zero(largest_segment) - std::countr_zero(smallest_segment)) + 1;

/// The size that a request is rounded up to: a power of two from the smallest on. It may be larger than the largest
/// segment, so that a caller sees when a request is none for this pool.
[[nodiscard]] constexpr std::size_t rounded_segment_size(std::size_t bytes) noexcept {
    return std::bit_ceil(bytes < smallest_segment ? smallest_segment : bytes);
}

/// The number of a size, 0 for the smallest. `size` is one of the seven sizes.
[[nodiscard]] constexpr std::size_t segment_class(std::size_t size) noexcept {
    return static_cast<std::size_t>(std::countr_zero(size) - std::countr_zero(smallest_segment));
}

/// The size of a class, in bytes.
[[nodiscard]] constexpr std::size_t segment_size(std::size_t number) noexcept { return smallest_segment << number; }

struct segment_pool_options {
    /// Bytes of address space, rounded up to 64 KiB, at most 512 GiB. Enough for a million stacks of the largest size,
    /// or for 32 million of 2 KiB.
    std::size_t address_space = std::size_t{64} * 1024 * 1024 * 1024;
    /// Bytes that are reserved at a time, a power of two of 64 KiB at least.
    std::size_t piece = std::size_t{512} * 1024 * 1024;
    /// Bytes of memory, bookkeeping included, beyond which the pool behaves as if the system had no more.
    std::size_t most_committed = ~std::size_t{0};
    /// How many unused chunks of 64 KiB keep their memory. Twice as many may gather before the others lose it, so that
    /// a loop does not commit and decommit.
    std::size_t kept_chunks = 16;
    /// How many chunks get memory at a time, when none that is left can serve.
    std::size_t chunks_per_commit = 8;
    /// For finding errors: workers cache nothing.
    bool no_cache = false;
    /// For finding errors: a segment has pages of its own and ends where they end. They lose their memory as soon as it
    /// is given back and come into use again only after all other addresses have been, so that a later access faults.
    bool fault_on_free = false;
    /// With fault_on_free: a segment begins where its pages begin, and below those lies one that is inaccessible.
    bool guard = false;
};

/// How many segments a cache holds, by class. Written by the cache's worker alone, read by any thread.
using cached_segments = std::array<std::atomic<std::uint32_t>, segment_classes>;

/// What a pool can say of itself, in segments by class, and bytes.
struct segment_counters {
    struct of_class {
        std::size_t in_use = 0; ///< in somebody's hands, caches not counted
        std::size_t cached = 0; ///< in workers' caches
        std::size_t most = 0;   ///< the most that were out of the pool at once, in use or in a cache
        std::size_t unused = 0; ///< in the pool, in a chunk that others of the class are out of
    };
    std::array<of_class, segment_classes> classes{};
    std::size_t committed = 0;      ///< bytes of memory, bookkeeping included
    std::size_t most_committed = 0; ///< the most at once
    std::size_t unused_chunks = 0;  ///< chunks of 64 KiB that keep their memory and hold no segment

    /// Segments of all classes in somebody's hands.
    [[nodiscard]] std::size_t in_use() const noexcept {
        std::size_t sum = 0;
        for (const of_class& each : classes) {
            sum += each.in_use;
        }
        return sum;
    }
};

/// Where the segments of a runtime come from. Any thread. Taking and giving leave the thread's last error alone.
class segment_pool {
public:
    static constexpr std::size_t chunk_size = largest_segment;

    /// Asks the system for nothing yet: address space is reserved when the first segment is taken, because not every
    /// runtime has movable stacks.
    explicit segment_pool(const segment_pool_options& options = {}) noexcept;
    segment_pool(const segment_pool&) = delete;
    segment_pool& operator=(const segment_pool&) = delete;
    /// All segments must have been given back or be forgotten: their memory ends here.
    ~segment_pool();

    /// A segment of that size, one of the seven. Empty when the system has no memory or the address space is used up.
    [[nodiscard]] segment take(std::size_t size) noexcept;

    /// Takes back what came from take or take_many. Ends the process when it did not, or is here already.
    void give(segment unused) noexcept;

    /// Fills `bases` with segments of a class as far as there are any and says how many, lowest address first.
    [[nodiscard]] std::size_t take_many(std::size_t number, std::span<std::byte*> bases) noexcept;

    /// Takes back several of a class.
    void give_many(std::size_t number, std::span<std::byte* const> bases) noexcept;

    /// Takes the memory of unused chunks away: when a runtime has had nothing to do for long. Any thread.
    void trim() noexcept;

    /// Whether workers may cache segments of this pool.
    [[nodiscard]] bool cacheable() const noexcept { return !options_.no_cache && !options_.fault_on_free; }

    [[nodiscard]] segment_counters counters() const;

    /// For caches: the counts belong to the sums of counters() from now on, and no longer.
    void attach(const cached_segments& counts);
    void detach(const cached_segments& counts) noexcept;

private:
    void release(std::size_t kept) noexcept;

    [[nodiscard]] bool reserved() noexcept;
    [[nodiscard]] bool taken_back(std::size_t number, std::byte* base) noexcept;

    const segment_pool_options options_;
    const std::size_t size_;        // bytes of address space
    mutable win::system_lock lock_; // guards all below
    segment_space space_;
    std::unique_ptr<segment_chunks> chunks_;
    std::unique_ptr<segment_pages> pages_; // instead of the chunks, under fault_on_free; both are null at first
    std::array<std::size_t, segment_classes> out_{};
    std::array<std::size_t, segment_classes> most_out_{};
    std::vector<const cached_segments*> caches_;
};

} // namespace moor::stack
