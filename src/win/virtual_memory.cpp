// See virtual_memory.hpp.
#include "win/virtual_memory.hpp"

#include "win/error.hpp"
#include "win/own_stack.hpp"
#include "win/windows.hpp"

namespace moor::win {

address_space::address_space(std::size_t bytes)
    : base_(static_cast<std::byte*>(
          with_room([=] { return ::VirtualAlloc(nullptr, bytes, MEM_RESERVE, PAGE_READWRITE); }))),
      size_(bytes) {
    if (base_ == nullptr) {
        throw_last_error("moor: reserving address space");
    }
}

address_space::~address_space() {
    if (base_ != nullptr) {
        with_room([this] { ::VirtualFree(base_, 0, MEM_RELEASE); });
    }
}

bool commit(std::byte* first, std::size_t bytes) noexcept {
    return with_room([=] { return ::VirtualAlloc(first, bytes, MEM_COMMIT, PAGE_READWRITE); }) != nullptr;
}

bool commit_guard(std::byte* first, std::size_t bytes) noexcept {
    return with_room([=] { return ::VirtualAlloc(first, bytes, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD); }) != nullptr;
}

void decommit(std::byte* first, std::size_t bytes) noexcept {
    with_room([=] { ::VirtualFree(first, bytes, MEM_DECOMMIT); });
}

} // namespace moor::win
