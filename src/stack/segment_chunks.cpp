// Sets of chunks as bit masks: for each class those with a free segment, and those without a class that have memory.
// The lowest address is taken first.
#include "stack/segment_chunks.hpp"

#include <algorithm>
#include <memory>
#include <system_error>

#include "win/error.hpp"

namespace moor::stack {
namespace {

constexpr std::size_t chunk_size = segment_pool::chunk_size;
constexpr std::size_t set_count = segment_classes + 2; // open chunks of each class, unused ones, bare ones

constexpr std::size_t round_up(std::size_t value, std::size_t unit) noexcept {
    return (value + unit - 1) / unit * unit;
}

// The bits of all segments of a chunk of that class.
constexpr std::uint64_t all_free(std::size_t number) noexcept {
    return ~std::uint64_t{0} >> (64 - chunk_size / segment_size(number));
}

static_assert(chunk_size / smallest_segment == 64, "the segments of a chunk are the bits of one word");

} // namespace

segment_chunks::layout::layout(std::size_t chunk_count) noexcept
    : words_of_set(chunk_set::words_for(chunk_count)),
      sets_bytes(round_up(set_count * words_of_set * sizeof(std::uint64_t), win::page_size)),
      records_bytes(round_up(chunk_count * sizeof(chunk), win::page_size)) {}

std::uint64_t* segment_chunks::words(std::size_t set) const noexcept {
    return reinterpret_cast<std::uint64_t*>(bookkeeping_.base()) + set * layout_.words_of_set;
}

// The words of the sets are memory from the start, but cost none until a chunk needs them.
segment_chunks::segment_chunks(segment_space& space, const segment_pool_options& options)
    : space_(space), options_(options), count_(space.size() / chunk_size), layout_(count_),
      committed_(options.most_committed),
      bookkeeping_(round_up(layout_.sets_bytes + layout_.records_bytes, win::allocation_granularity)),
      unused_(words(segment_classes), count_), bare_(words(segment_classes + 1), count_),
      records_(reinterpret_cast<chunk*>(bookkeeping_.base() + layout_.sets_bytes)) {
    for (std::size_t number = 0; number != segment_classes; ++number) {
        open_[number] = chunk_set(words(number), count_);
    }
    if (!committed_.commit(bookkeeping_.base(), layout_.sets_bytes)) {
        throw std::system_error(win::to_error(std::errc::not_enough_memory), "moor: segment pool");
    }
}

std::size_t segment_chunks::take(std::size_t number, std::span<std::byte*> bases) noexcept {
    std::size_t taken = 0;
    while (taken != bases.size()) {
        std::size_t index = open_[number].lowest();
        if (index == chunk_set::none) {
            index = open_chunk(number);
            if (index == chunk_set::none) {
                break;
            }
        }
        chunk& serving = records_[index];
        const std::size_t before = taken;
        for (; taken != bases.size() && serving.free != 0; ++taken) {
            bases[taken] =
                address(index) + segment_size(number) * static_cast<std::size_t>(std::countr_zero(serving.free));
            serving.free &= serving.free - 1;
        }
        free_[number] -= taken - before;
        if (serving.free == 0) {
            open_[number].erase(index);
        }
    }
    return taken;
}

bool segment_chunks::give(std::size_t number, std::byte* base) noexcept {
    const std::size_t offset = space_.offset(base);
    const std::size_t index = offset / chunk_size;
    if (index >= touched_ || records_[index].number != number || offset % segment_size(number) != 0) {
        return false;
    }
    chunk& serving = records_[index];
    const std::uint64_t bit = std::uint64_t{1} << (offset % chunk_size / segment_size(number));
    if ((serving.free & bit) != 0) {
        return false;
    }
    if (serving.free == 0) {
        open_[number].insert(index);
    }
    serving.free |= bit;
    ++free_[number];
    if (serving.free == all_free(number)) {
        free_[number] -= chunk_size / segment_size(number);
        open_[number].erase(index);
        serving = chunk{};
        unused_.insert(index);
    }
    return true;
}

// Makes a chunk serve the class; `none` when there is none.
std::size_t segment_chunks::open_chunk(std::size_t number) noexcept {
    const std::size_t index = chunk_with_memory();
    if (index != chunk_set::none) {
        records_[index] = {all_free(number), static_cast<std::uint8_t>(number)};
        free_[number] += chunk_size / segment_size(number);
        open_[number].insert(index);
    }
    return index;
}

// A chunk that has memory and is in no set.
std::size_t segment_chunks::chunk_with_memory() noexcept {
    if (const std::size_t index = unused_.lowest(); index != chunk_set::none) {
        unused_.erase(index);
        return index;
    }
    if (const std::size_t index = bare_.lowest(); index != chunk_set::none) {
        if (!committed_.commit(address(index), chunk_size)) {
            return chunk_set::none;
        }
        bare_.erase(index);
        return index;
    }
    return touch_chunks();
}

// Gives memory to the next chunks of the space, of one piece of it: the first is the result, the others are unused.
// Fewer when the system has no memory for all.
std::size_t segment_chunks::touch_chunks() noexcept {
    const std::size_t first = touched_;
    if (first == count_ || !space_.reserve(first * chunk_size)) {
        return chunk_set::none;
    }
    const std::size_t most = std::min(count_ - first, space_.left_in_piece(first * chunk_size) / chunk_size);
    for (std::size_t many = std::clamp<std::size_t>(options_.chunks_per_commit, 1, most); many != 0; many /= 2) {
        if (!has_records(first + many) || !committed_.commit(address(first), many * chunk_size)) {
            continue;
        }
        std::uninitialized_value_construct_n(records_ + first, many);
        touched_ += many;
        for (std::size_t index = first + 1; index != touched_; ++index) {
            unused_.insert(index);
        }
        return first;
    }
    return chunk_set::none;
}

bool segment_chunks::has_records(std::size_t count) noexcept {
    const std::size_t needed = round_up(count * sizeof(chunk), win::page_size);
    if (needed > records_committed_) {
        if (!committed_.commit(reinterpret_cast<std::byte*>(records_) + records_committed_,
                               needed - records_committed_)) {
            return false;
        }
        records_committed_ = needed;
    }
    return true;
}

segment_chunks::run segment_chunks::take_out(std::size_t kept) noexcept {
    run found;
    while (unused_.size() > kept) {
        const std::size_t index = unused_.highest();
        const std::size_t above = (index + 1) * chunk_size;
        if (found.bytes != 0 && (found.first != space_.address(above) || space_.begins_piece(above))) {
            break; // the system takes no pages back of two reservations at once
        }
        unused_.erase(index);
        found.first = address(index);
        found.bytes += chunk_size;
    }
    return found;
}

void segment_chunks::put_back(const run& decommitted) noexcept {
    committed_.note_decommitted(decommitted.bytes);
    const auto first = space_.offset(decommitted.first) / chunk_size;
    for (std::size_t index = first; index != first + decommitted.bytes / chunk_size; ++index) {
        bare_.insert(index);
    }
}

} // namespace moor::stack
