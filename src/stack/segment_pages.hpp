// Segments for finding errors (segment_pool_options::fault_on_free): each on pages of its own, which lose their memory
// when it is given back and come into use again only after all other pages have been.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stack/committed_bytes.hpp"
#include "stack/segment_pool.hpp"
#include "stack/segment_space.hpp"
#include "win/virtual_memory.hpp"

namespace moor::stack {

/// Not thread safe: the pool's lock guards it. A bit for each page says whether it is out.
class segment_pages {
public:
    /// Pages of `space`, which outlives this. Throws std::system_error not_enough_memory.
    segment_pages(segment_space& space, const segment_pool_options& options);

    /// A segment of that class, or null.
    [[nodiscard]] std::byte* take(std::size_t number) noexcept;

    /// Takes one back and its memory from it. False, and nothing done, when not all of its pages are out.
    [[nodiscard]] bool give(std::size_t number, std::byte* base) noexcept;

    [[nodiscard]] const committed_bytes& committed() const noexcept { return committed_; }

private:
    [[nodiscard]] std::size_t next_free(std::size_t pages) const noexcept;

    segment_space& space_;
    std::size_t count_; // pages of the space, a multiple of 16
    committed_bytes committed_;
    win::address_space bookkeeping_;
    std::uint64_t* out_;
    const bool guard_;     // what lies below a segment stays inaccessible: as much as its own pages
    std::size_t next_ = 0; // where the walk goes on
};

} // namespace moor::stack
