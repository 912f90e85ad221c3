#include "win/processors.hpp"

#include <array>
#include <bit>
#include <cstdint>

#include <gtest/gtest.h>

#include "win/windows.hpp"

namespace moor::win {
namespace {

constexpr std::uint64_t full_group = ~std::uint64_t{0};
constexpr std::array<unsigned, 1> one_group{64};
constexpr std::array<unsigned, 2> two_groups{64, 32};

TEST(usable_processors, of_a_small_machine_are_those_of_the_mask) {
    constexpr std::array<unsigned, 1> eight{8};
    EXPECT_EQ(usable_processors({0xff, 0xff, eight, 8}), 8u);
    EXPECT_EQ(usable_processors({0x0f, 0xff, eight, 8}), 4u) << "restricted";
    EXPECT_EQ(usable_processors({0x80, 0xff, eight, 8}), 1u) << "restricted";
}

TEST(usable_processors, of_a_process_in_one_of_two_groups_are_those_of_the_group) {
    EXPECT_EQ(usable_processors({full_group, full_group, one_group, 96}), 64u);
    EXPECT_EQ(usable_processors({0xff, full_group, one_group, 96}), 8u) << "restricted";
}

// The mask is 0, or that of the first group alone.
TEST(usable_processors, of_a_process_in_several_groups_are_those_of_all) {
    EXPECT_EQ(usable_processors({0, 0, two_groups, 160}), 96u);
    EXPECT_EQ(usable_processors({full_group, full_group, two_groups, 160}), 96u);
    EXPECT_EQ(usable_processors({0xff, full_group, two_groups, 160}), 8u) << "restricted";
}

TEST(usable_processors, without_an_answer_are_what_else_is_known) {
    EXPECT_EQ(usable_processors({0, 0, {}, 96}), 96u);
    EXPECT_EQ(usable_processors({0xff, 0xff, {}, 96}), 8u);
    EXPECT_EQ(usable_processors({0, 0, {}, 0}), 1u);
}

TEST(usable_processors, of_this_process_are_some) {
    EXPECT_GE(usable_processors(), 1u);
    EXPECT_LE(usable_processors(), ::GetActiveProcessorCount(ALL_PROCESSOR_GROUPS));
}

TEST(usable_processors, of_this_process_follow_its_mask) {
    struct kept_mask {
        DWORD_PTR process = 0;
        DWORD_PTR system = 0;
        kept_mask() { ::GetProcessAffinityMask(::GetCurrentProcess(), &process, &system); }
        ~kept_mask() { ::SetProcessAffinityMask(::GetCurrentProcess(), process); }
    } const before;
    if (::GetActiveProcessorGroupCount() != 1 || std::popcount(before.process) < 2) {
        GTEST_SKIP() << "it has one processor, or the machine several groups";
    }
    EXPECT_EQ(usable_processors(), static_cast<unsigned>(std::popcount(before.process)));
    const DWORD_PTR without_lowest = before.process & (before.process - 1);
    ASSERT_TRUE(::SetProcessAffinityMask(::GetCurrentProcess(), without_lowest));
    EXPECT_EQ(usable_processors(), static_cast<unsigned>(std::popcount(without_lowest)));
}

} // namespace
} // namespace moor::win
