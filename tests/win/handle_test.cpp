#include "win/handle.hpp"

#include <gtest/gtest.h>

namespace moor::win {
namespace {

HANDLE new_event() { return ::CreateEventW(nullptr, TRUE, FALSE, nullptr); }

bool is_open(HANDLE handle) {
    DWORD flags = 0;
    return ::GetHandleInformation(handle, &flags) != FALSE;
}

TEST(unique_handle, closes_what_it_owns) {
    const HANDLE event = new_event();
    {
        const unique_handle owner(event);
        EXPECT_TRUE(owner);
        EXPECT_EQ(owner.get(), event);
        EXPECT_TRUE(is_open(event));
    }
    EXPECT_FALSE(is_open(event));
}

TEST(unique_handle, takes_the_invalid_value_for_nothing) {
    const unique_handle none(INVALID_HANDLE_VALUE);
    EXPECT_FALSE(none);
    EXPECT_EQ(none.get(), nullptr);
}

TEST(unique_handle, moves_its_ownership) {
    const HANDLE first = new_event();
    const HANDLE second = new_event();
    unique_handle owner(first);
    unique_handle other(second);
    other = std::move(owner);
    EXPECT_FALSE(owner); // NOLINT: what a move leaves is part of the contract
    EXPECT_FALSE(is_open(second)) << "what it had is closed";
    EXPECT_EQ(other.get(), first);
    unique_handle third(std::move(other));
    EXPECT_EQ(third.get(), first);
    third.close();
    EXPECT_FALSE(third);
    EXPECT_FALSE(is_open(first));
    third.close();
}

} // namespace
} // namespace moor::win
