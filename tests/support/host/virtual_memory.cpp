// Stands in for src/win/virtual_memory.cpp, and for the end of the process in src/win/error.cpp, in host tests.
#include "win/virtual_memory.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <sys/mman.h>
#include <unistd.h>

#include "support/pages.hpp"
#include "win/error.hpp"

namespace moor {
namespace win {
namespace {

constexpr int reserved = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

std::atomic<bool> refused{false};

} // namespace

address_space::address_space(std::size_t bytes) : size_(bytes) {
    void* const base = ::mmap(nullptr, bytes, PROT_NONE, reserved, -1, 0);
    if (base == MAP_FAILED) {
        throw std::system_error(std::make_error_code(std::errc::not_enough_memory), "reserving address space");
    }
    base_ = static_cast<std::byte*>(base);
}

address_space address_space::at(std::byte* place, std::size_t bytes) noexcept {
    void* const base = ::mmap(place, bytes, PROT_NONE, reserved | MAP_FIXED_NOREPLACE, -1, 0);
    return base == MAP_FAILED ? address_space() : address_space(static_cast<std::byte*>(base), bytes);
}

// The sanitizers keep much of the address space to themselves, so the system is asked what is free.
std::byte* likely_free_place(std::size_t bytes) noexcept {
    // Far below where the system puts what anybody else asks for, which would soon lie behind the place; in the range
    // that both sanitizers leave to programs.
    static std::atomic<std::uintptr_t> count{0};
    constexpr std::uintptr_t lowest = 0x7e90'0000'0000;
    const std::uintptr_t wanted = lowest + count.fetch_add(1) % 256 * 0x4000'0000; // a GiB apart
    void* const base = ::mmap(reinterpret_cast<void*>(wanted), bytes, PROT_NONE, reserved, -1, 0);
    if (base == MAP_FAILED) {
        return nullptr;
    }
    ::munmap(base, bytes);
    return static_cast<std::byte*>(base);
}

address_space::~address_space() {
    if (base_ != nullptr) {
        ::munmap(base_, size_);
    }
}

bool commit(std::byte* first, std::size_t bytes) noexcept {
    return !refused && ::mprotect(first, bytes, PROT_READ | PROT_WRITE) == 0;
}

void decommit(std::byte* first, std::size_t bytes) noexcept {
    ::mmap(first, bytes, PROT_NONE, reserved | MAP_FIXED, -1, 0);
}

void fatal(std::string_view text, unsigned exit_status) noexcept {
    std::fprintf(stderr, "moor: %.*s\n", static_cast<int>(text.size()), text.data());
    std::_Exit(static_cast<int>(exit_status));
}

} // namespace win

void test::refuse_memory(bool refuses) noexcept { win::refused = refuses; }

bool test::has_memory(const std::byte* address) {
    int ends[2];
    if (::pipe(ends) != 0) {
        throw std::system_error(errno, std::generic_category(), "pipe");
    }
    const bool readable = ::write(ends[1], address, 1) == 1;
    ::close(ends[0]);
    ::close(ends[1]);
    return readable;
}

} // namespace moor
