// Telling whether the processor watches return addresses, with answers in the system's place.
#include "win/shadow_stacks.hpp"

#include <cstring>

#include <gtest/gtest.h>

namespace moor::win {
namespace {

template <BOOL Known, DWORD Flags>
BOOL WINAPI answers(HANDLE process, PROCESS_MITIGATION_POLICY policy, void* into, SIZE_T bytes) {
    EXPECT_EQ(process, ::GetCurrentProcess());
    EXPECT_EQ(static_cast<int>(policy), 15);
    EXPECT_EQ(bytes, sizeof(DWORD));
    const DWORD flags = Flags;
    std::memcpy(into, &flags, sizeof flags);
    return Known;
}

TEST(shadow_stacks, are_enabled_when_the_system_says_so) {
    EXPECT_TRUE((user_shadow_stacks_enabled(&answers<TRUE, 1>)));
    EXPECT_TRUE((user_shadow_stacks_enabled(&answers<TRUE, 0xf>)));
    EXPECT_FALSE((user_shadow_stacks_enabled(&answers<TRUE, 0>)));
    EXPECT_FALSE((user_shadow_stacks_enabled(&answers<TRUE, 2>))) << "only audited";
    EXPECT_FALSE((user_shadow_stacks_enabled(&answers<FALSE, 1>))) << "a system that does not know them";
}

TEST(shadow_stacks, are_not_enabled_here) { EXPECT_FALSE(user_shadow_stacks_enabled()); }

} // namespace
} // namespace moor::win
