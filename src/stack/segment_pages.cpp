// Walks round the space for the next free run of pages; pages that were given back lose their memory, so that a stale
// address faults.
#include "stack/segment_pages.hpp"

#include <algorithm>
#include <system_error>

#include "win/error.hpp"

namespace moor::stack {
namespace {

constexpr std::size_t no_page = ~std::size_t{0};

constexpr std::size_t round_up(std::size_t value, std::size_t unit) noexcept {
    return (value + unit - 1) / unit * unit;
}

constexpr std::size_t pages_of(std::size_t number) noexcept {
    return std::max<std::size_t>(segment_size(number) / win::page_size, 1);
}

// The bits of so many pages from `page` on. They lie in one word, because a run of 1 ... 16 is aligned to its length.
constexpr std::uint64_t bits(std::size_t page, std::size_t pages) noexcept {
    return ((std::uint64_t{1} << pages) - 1) << (page % 64);
}

} // namespace

segment_pages::segment_pages(segment_space& space, const segment_pool_options& options)
    : space_(space), count_(space.size() / win::page_size), committed_(options.most_committed),
      bookkeeping_(round_up((count_ + 63) / 64 * sizeof(std::uint64_t), win::allocation_granularity)),
      out_(reinterpret_cast<std::uint64_t*>(bookkeeping_.base())), guard_(options.guard) {
    if (!committed_.commit(bookkeeping_.base(), bookkeeping_.size())) {
        throw std::system_error(win::to_error(std::errc::not_enough_memory), "moor: segment pool");
    }
}

// Once round the space from where the walk is.
std::size_t segment_pages::next_free(std::size_t pages) const noexcept {
    std::size_t page = round_up(next_, pages);
    for (std::size_t walked = 0; walked <= count_;) {
        if (page >= count_) {
            page = 0;
        }
        const std::uint64_t word = out_[page / 64];
        if ((word & bits(page, pages)) == 0) {
            return page;
        }
        const std::size_t step = word == ~std::uint64_t{0} ? 64 - page % 64 : pages;
        page += step;
        walked += step;
    }
    return no_page;
}

std::byte* segment_pages::take(std::size_t number) noexcept {
    const std::size_t pages = guard_ ? 2 * pages_of(number) : pages_of(number);
    const std::size_t page = next_free(pages);
    if (page == no_page) {
        return nullptr;
    }
    if (!space_.reserve(page * win::page_size)) { // the space ends here after all
        count_ = page;
        next_ = 0;
        return take(number);
    }
    const std::size_t bytes = pages_of(number) * win::page_size;
    std::byte* const first = space_.address(page * win::page_size) + (guard_ ? bytes : 0);
    if (!committed_.commit(first, bytes)) {
        return nullptr;
    }
    out_[page / 64] |= bits(page, pages);
    next_ = page + pages;
    return guard_ ? first : first + bytes - segment_size(number);
}

bool segment_pages::give(std::size_t number, std::byte* base) noexcept {
    const std::size_t bytes = pages_of(number) * win::page_size;
    std::byte* const first = guard_ ? base : base + segment_size(number) - bytes;
    const std::size_t pages = guard_ ? 2 * pages_of(number) : pages_of(number);
    const std::size_t offset = space_.offset(guard_ ? first - bytes : first);
    if (offset >= space_.size() || offset % (pages * win::page_size) != 0) {
        return false;
    }
    const std::size_t page = offset / win::page_size;
    const std::uint64_t mine = bits(page, pages);
    if ((out_[page / 64] & mine) != mine) {
        return false;
    }
    win::decommit(first, bytes);
    committed_.note_decommitted(bytes);
    out_[page / 64] &= ~mine;
    return true;
}

} // namespace moor::stack
