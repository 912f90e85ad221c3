// A shelf of segments for each class. An empty shelf is filled by half, and a full one gives back its oldest half, so
// that few calls reach the pool.
#include "stack/segment_cache.hpp"

#include <algorithm>

#include "win/system_stack.hpp"

namespace moor::stack {
namespace {

constexpr std::size_t most_segments = 1024;

std::uint32_t capacity_of(std::size_t number, const segment_pool& pool, std::size_t most_bytes) noexcept {
    const std::size_t count = std::min(most_bytes / segment_size(number), most_segments);
    return !pool.cacheable() || count < 2 ? 0 : static_cast<std::uint32_t>(count);
}

} // namespace

segment_cache::segment_cache(segment_pool& pool, std::size_t most_bytes_per_class) : pool_(pool) {
    std::size_t all = 0;
    for (std::size_t number = 0; number != segment_classes; ++number) {
        shelves_[number].capacity = capacity_of(number, pool, most_bytes_per_class);
        all += shelves_[number].capacity;
    }
    storage_ = std::make_unique<std::byte*[]>(all);
    std::byte** next = storage_.get();
    for (shelf& each : shelves_) {
        each.bases = next;
        next += each.capacity;
    }
    pool.attach(counts_);
}

segment_cache::~segment_cache() {
    clear();
    pool_.detach(counts_);
}

void segment_cache::clear() noexcept {
    for (std::size_t number = 0; number != segment_classes; ++number) {
        keep_only(number, 0);
    }
}

segment segment_cache::fetch(std::size_t number) noexcept {
    return win::call_on_system_stack([this, number] { return fetch_with_room(number); });
}

void segment_cache::pass_on(std::size_t number, std::byte* base) noexcept {
    win::call_on_system_stack([this, number, base] { pass_on_with_room(number, base); });
}

// Fills half of the empty shelf, so that as many can be given as taken before the pool is asked again.
segment segment_cache::fetch_with_room(std::size_t number) noexcept {
    const shelf& empty = shelves_[number];
    if (empty.capacity == 0) {
        return pool_.take(segment_size(number));
    }
    const std::size_t fetched = pool_.take_many(number, {empty.bases, empty.capacity / 2});
    if (fetched == 0) {
        return {};
    }
    std::reverse(empty.bases, empty.bases + fetched); // the lowest address goes out first
    counts_[number].store(static_cast<std::uint32_t>(fetched - 1), std::memory_order_relaxed);
    return {empty.bases[fetched - 1], segment_size(number)};
}

// The shelf is full. What has lain longest goes back, since its memory is the coldest.
void segment_cache::pass_on_with_room(std::size_t number, std::byte* base) noexcept {
    const shelf& full = shelves_[number];
    if (full.capacity == 0) {
        pool_.give({base, segment_size(number)});
        return;
    }
    keep_only(number, full.capacity / 2);
    const std::uint32_t count = counts_[number].load(std::memory_order_relaxed);
    full.bases[count] = base;
    counts_[number].store(count + 1, std::memory_order_relaxed);
}

void segment_cache::keep_only(std::size_t number, std::uint32_t kept) noexcept {
    const std::uint32_t count = counts_[number].load(std::memory_order_relaxed);
    if (count <= kept) {
        return;
    }
    std::byte** const bases = shelves_[number].bases;
    const std::uint32_t given = count - kept;
    counts_[number].store(kept, std::memory_order_relaxed); // first, so that counters() never sees more cached than out
    pool_.give_many(number, {bases, given});
    std::copy(bases + given, bases + count, bases);
}

} // namespace moor::stack
