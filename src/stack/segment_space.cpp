// Tries random places for the range, reserves its first piece there, and the others when they are needed.
#include "stack/segment_space.hpp"

#include <algorithm>
#include <system_error>

#include "win/error.hpp"

namespace moor::stack {

segment_space::segment_space(std::size_t bytes, std::size_t piece) : size_(bytes), piece_(piece) {
    constexpr unsigned attempts = 16;
    const std::size_t count = (bytes + piece - 1) / piece;
    pieces_.reserve(count); // reserve() must not allocate
    win::address_space first;
    for (unsigned attempt = 0; attempt != attempts && !first; ++attempt) {
        std::byte* const place = win::likely_free_place(bytes);
        if (place == nullptr) {
            throw std::system_error(win::to_error(std::errc::not_enough_memory), "moor: reserving address space");
        }
        first = win::address_space::at(place, bytes_of(0));
    }
    if (!first) { // the system's choice; what lies behind it may be taken
        first = win::address_space(bytes_of(0));
    }
    base_ = first.base();
    pieces_.push_back(std::move(first));
}

std::size_t segment_space::bytes_of(std::size_t piece) const noexcept {
    return std::min(piece_, size_ - piece * piece_);
}

bool segment_space::reserve_next() noexcept {
    const std::size_t piece = pieces_.size();
    win::address_space added = win::address_space::at(address(piece * piece_), bytes_of(piece));
    if (!added) {
        return false;
    }
    pieces_.push_back(std::move(added));
    return true;
}

} // namespace moor::stack
