// How many packets are asked for at once: follows what comes.
#include "iocp/adaptive_batch.hpp"

#include <gtest/gtest.h>

namespace moor::iocp {
namespace {

TEST(adaptive_batch, single_packets_are_hardly_ever_asked_for_more) {
    adaptive_batch room(64);
    unsigned larger = 0;
    for (int call = 0; call < 900; ++call) {
        larger += room.now() > 1 ? 1 : 0;
        room.took(1);
    }
    EXPECT_GE(larger, 90u) << "it is tried again";
    EXPECT_LE(larger, 113u);
}

TEST(adaptive_batch, grows_to_the_largest_batch_and_no_further) {
    adaptive_batch room(64);
    for (int call = 0; call < 8 + 5; ++call) {
        EXPECT_LT(room.now(), 64u);
        room.took(room.now());
    }
    EXPECT_EQ(room.now(), 64u);
    room.took(64);
    EXPECT_EQ(room.now(), 64u);
}

TEST(adaptive_batch, shrinks_to_what_came_and_no_further) {
    adaptive_batch room(64);
    while (room.now() < 64) {
        room.took(room.now());
    }
    room.took(40);
    EXPECT_EQ(room.now(), 64u);
    room.took(17);
    EXPECT_EQ(room.now(), 32u);
    room.took(3);
    EXPECT_EQ(room.now(), 4u);
    room.took(0);
    EXPECT_EQ(room.now(), 4u) << "nothing came at all";
    room.took(4);
    EXPECT_EQ(room.now(), 8u);
    room.took(1);
    EXPECT_EQ(room.now(), 1u);
}

} // namespace
} // namespace moor::iocp
