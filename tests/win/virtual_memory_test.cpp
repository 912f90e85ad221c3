#include "win/virtual_memory.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/child.hpp"
#include "win/error.hpp"
#include "win/windows.hpp"

namespace moor::win {
namespace {

DWORD state_of(const void* address) {
    MEMORY_BASIC_INFORMATION info{};
    return ::VirtualQuery(address, &info, sizeof info) == sizeof info ? info.State : 0;
}

TEST(address_space, reserves_commits_and_takes_back) {
    std::byte* base = nullptr;
    {
        const address_space space(4 * allocation_granularity);
        base = space.base();
        EXPECT_EQ(space.size(), 4 * allocation_granularity);
        EXPECT_EQ(state_of(base), static_cast<DWORD>(MEM_RESERVE));
        ASSERT_TRUE(commit(base + page_size, page_size));
        EXPECT_EQ(state_of(base), static_cast<DWORD>(MEM_RESERVE));
        base[page_size] = std::byte{7};
        EXPECT_EQ(state_of(base + page_size), static_cast<DWORD>(MEM_COMMIT));
        decommit(base + page_size, page_size);
        EXPECT_EQ(state_of(base + page_size), static_cast<DWORD>(MEM_RESERVE));
        ASSERT_TRUE(commit(base + page_size, page_size));
        EXPECT_EQ(base[page_size], std::byte{0}) << "new memory is zero";
    }
    EXPECT_EQ(state_of(base), static_cast<DWORD>(MEM_FREE));
}

TEST(address_space, knows_its_addresses_and_moves) {
    address_space first(allocation_granularity);
    std::byte* const base = first.base();
    EXPECT_TRUE(first.contains(base));
    EXPECT_TRUE(first.contains(base + allocation_granularity - 1));
    EXPECT_FALSE(first.contains(base + allocation_granularity));
    EXPECT_FALSE(first.contains(base - 1));
    const address_space second(std::move(first));
    EXPECT_EQ(second.base(), base);
    EXPECT_FALSE(first.contains(base)); // NOLINT: what a move leaves is part of the contract
    EXPECT_FALSE(address_space().contains(nullptr));
}

TEST(address_space, says_when_there_is_no_room) {
    EXPECT_THROW(address_space(std::size_t{1} << 47), std::system_error);
}

TEST(commit_guard, marks_guard_pages) {
    const address_space space(allocation_granularity);
    ASSERT_TRUE(commit_guard(space.base(), page_size));
    MEMORY_BASIC_INFORMATION info{};
    ASSERT_EQ(::VirtualQuery(space.base(), &info, sizeof info), sizeof info);
    EXPECT_NE(info.Protect & PAGE_GUARD, 0u);
}

// What an attacker would have to guess. Of 2^29 places, 40 differ and lie in all parts, with neither low nor high bits
// that are always the same.
TEST(address_space, lies_at_random) {
    std::vector<address_space> reserved;
    std::uint64_t ones = 0;
    std::uint64_t zeros = 0;
    for (int count = 0; count < 40; ++count) {
        reserved.emplace_back(allocation_granularity);
        const auto address = reinterpret_cast<std::uint64_t>(reserved.back().base());
        ones |= address;
        zeros |= ~address;
    }
    const std::uint64_t varying = ones & zeros;
    EXPECT_EQ(varying, 0x1fff'ffff'0000u) << "each bit fails once in 2^39 runs";
}

// Of several processes each begins at another place, of 7,936 and of 15,872.
std::string places_of_this_process() {
    const address_space single(allocation_granularity);
    return fmt::format("{} {}", fmt::ptr(single.base()), fmt::ptr(likely_free_place(allocation_granularity)));
}
const test::scenario say_places("say_places", [] { write_error_stream(places_of_this_process()); });
TEST(address_space, begins_elsewhere_in_each_process) {
    std::set<std::string> singles;
    std::set<std::string> large;
    for (int process = 0; process < 4; ++process) {
        const auto end = test::run_in_child(say_places);
        ASSERT_EQ(end.exit_status, 0u);
        const std::size_t between = end.error_output.find(' ');
        ASSERT_NE(between, std::string::npos);
        singles.insert(end.error_output.substr(0, between));
        large.insert(end.error_output.substr(between));
    }
    // All four at one place: once in 10^11 runs.
    EXPECT_GT(singles.size(), 1u);
    EXPECT_GT(large.size(), 1u);
}

TEST(address_space, can_be_had_at_a_place_once) {
    std::byte* const place = likely_free_place(2 * allocation_granularity);
    const address_space first = address_space::at(place, 2 * allocation_granularity);
    ASSERT_TRUE(first);
    EXPECT_EQ(first.base(), place);
    EXPECT_EQ(first.size(), 2 * allocation_granularity);
    const address_space second = address_space::at(place + allocation_granularity, allocation_granularity);
    EXPECT_FALSE(second);
    EXPECT_EQ(second.size(), 0u);
}

TEST(likely_free_place, gives_places_that_do_not_overlap) {
    constexpr std::size_t bytes = std::size_t{64} << 30;
    std::set<std::uintptr_t> places;
    for (int count = 0; count < 124; ++count) {
        places.insert(reinterpret_cast<std::uintptr_t>(likely_free_place(bytes)));
    }
    std::uintptr_t end = 0;
    for (const std::uintptr_t each : places) {
        EXPECT_GE(each, end);
        end = each + bytes;
    }
    EXPECT_EQ(places.size(), 124u);
}

// As above for single reservations: within its half TiB a place is anywhere, and all of these are used.
TEST(likely_free_place, is_random) {
    std::uint64_t ones = 0;
    std::uint64_t zeros = 0;
    for (int count = 0; count < 124; ++count) {
        const auto place = reinterpret_cast<std::uint64_t>(likely_free_place(std::size_t{64} << 30));
        ones |= place;
        zeros |= ~place;
    }
    EXPECT_EQ(ones & zeros, 0x3fff'ffff'0000u) << "each bit fails once in 2^60 runs";
    EXPECT_EQ(likely_free_place((std::size_t{1} << 39) + 1), nullptr);
}

} // namespace
} // namespace moor::win
