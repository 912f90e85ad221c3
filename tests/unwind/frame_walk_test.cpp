// Walks over frames made by hand: where they end, and why.
#include "unwind/frame_walk.hpp"

#include <array>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "unwind/hand_made_image.hpp"

namespace moor::unwind::test {
namespace {

using op = unwind::unwind_operation;

struct record {
    std::vector<walked_frame> frames;
    walk_stop stop;
};

// A leaf, called by a function with four words of frame, which has been called by itself, and so on outwards to one
// with two words of frame.
class frame_walk_test : public testing::Test {
protected:
    frame_walk_test() {
        outer_ = made_.add(byte_list(32, 0x90), {.prologue = 4, .codes = code(4, op::allocate_small, 2 - 1)});
        inner_ = made_.add(byte_list(32, 0x90), {.prologue = 4, .codes = code(4, op::allocate_small, 4 - 1)});
        bad_ = made_.add(byte_list(32, 0x90), {.version = 5, .codes = {}});
        leaf_ = made_.add_leaf(byte_list(32, 0x90));
        words_[3] = inside(inner_);     // the leaf's return address
        words_[3 + 5] = inside(inner_); // the frames above
        words_[3 + 10] = inside(outer_);
        words_[3 + 13] = outside;
        registers_.stack_pointer() = at(3);
        registers_.instruction = hand_made_image::base + leaf_ + 1;
    }
    static constexpr std::uint64_t outside = 0x7ff000000000;

    [[nodiscard]] static std::uint64_t inside(const function_entry& entry) {
        return hand_made_image::base + entry.begin + 10;
    }
    [[nodiscard]] std::uint64_t at(std::size_t index) const {
        return reinterpret_cast<std::uint64_t>(words_.data()) + index * sizeof(std::uint64_t);
    }
    [[nodiscard]] record walk(std::uint64_t last = hand_made_image::base + 0x1000, unsigned limit = 20) const {
        return walk_on({at(0), at(words_.size())}, last, limit);
    }
    [[nodiscard]] record walk_on(const stack_bounds& stack, std::uint64_t last, unsigned limit) const {
        const code_image image = made_.image();
        frame_walk going(image, registers_, stack, last, limit);
        EXPECT_EQ(going.stop(), walk_stop::not_yet);
        record seen;
        while (going.next()) {
            seen.frames.push_back(going.current());
        }
        EXPECT_FALSE(going.next()) << "the end is the end";
        EXPECT_EQ(going.frames(), seen.frames.size());
        seen.stop = going.stop();
        return seen;
    }

    std::array<std::uint64_t, 24> words_{};
    hand_made_image made_;
    function_entry outer_{};
    function_entry inner_{};
    function_entry bad_{};
    std::uint32_t leaf_ = 0;
    machine_registers registers_;
};

TEST_F(frame_walk_test, goes_from_the_leaf_to_the_function_looked_for) {
    const record seen = walk();
    EXPECT_EQ(seen.stop, walk_stop::reached);
    ASSERT_EQ(seen.frames.size(), 4u);
    constexpr std::array<std::size_t, 4> places{3, 4, 9, 14};
    const std::array<std::uint64_t, 4> functions{0, inner_.begin, inner_.begin, outer_.begin};
    for (std::size_t index = 0; index != places.size(); ++index) {
        const walked_frame& each = seen.frames[index];
        EXPECT_EQ(each.stack_pointer, at(places[index]));
        EXPECT_EQ(each.function, functions[index] == 0 ? 0 : hand_made_image::base + functions[index]);
        EXPECT_TRUE(each.in_image);
    }
    EXPECT_EQ(seen.frames[0].instruction, registers_.instruction);
    EXPECT_EQ(seen.frames[3].instruction, inside(outer_));
    EXPECT_EQ(walk(hand_made_image::base + inner_.begin).frames.size(), 2u);
}

TEST_F(frame_walk_test, ends_outside_the_image) {
    const record seen = walk(0);
    EXPECT_EQ(seen.stop, walk_stop::outside_image);
    ASSERT_EQ(seen.frames.size(), 5u);
    EXPECT_EQ(seen.frames.back().instruction, outside);
    EXPECT_EQ(seen.frames.back().stack_pointer, at(17));
    EXPECT_FALSE(seen.frames.back().in_image);
    for (const std::uint64_t other : {std::uint64_t{0}, hand_made_image::base - 1, hand_made_image::base,
                                      hand_made_image::base + hand_made_image::unwind_begin,
                                      hand_made_image::base + 0x100000000 + outer_.begin, UINT64_MAX}) {
        words_[3 + 5] = other;
        EXPECT_EQ(walk().stop, walk_stop::outside_image) << std::hex << other;
        EXPECT_EQ(walk().frames.size(), 3u);
    }
}

TEST_F(frame_walk_test, ends_where_the_stack_ends) {
    // The innermost frame is not on it; then each of the return addresses.
    EXPECT_EQ(walk_on({at(4), at(24)}, 0, 20).stop, walk_stop::off_stack);
    EXPECT_EQ(walk_on({at(4), at(24)}, 0, 20).frames.size(), 1u);
    EXPECT_EQ(walk_on({at(0), at(3)}, 0, 20).frames.size(), 1u);
    const record cut = walk_on({at(0), at(8)}, 0, 20);
    EXPECT_EQ(cut.stop, walk_stop::off_stack);
    EXPECT_EQ(cut.frames.size(), 2u) << "its return address is not on the stack";
    const record just = walk_on({at(0), at(9)}, 0, 20);
    EXPECT_EQ(just.stop, walk_stop::off_stack);
    EXPECT_EQ(just.frames.size(), 3u) << "its frame is not on the stack";
    registers_.stack_pointer() += 4;
    EXPECT_EQ(walk().stop, walk_stop::off_stack) << "between two words";
}

TEST_F(frame_walk_test, ends_after_so_many_frames) {
    EXPECT_EQ(walk(0, 2).stop, walk_stop::too_deep);
    EXPECT_EQ(walk(0, 2).frames.size(), 2u);
    EXPECT_EQ(walk(0, 0).stop, walk_stop::too_deep);
    EXPECT_EQ(walk(hand_made_image::base + outer_.begin, 4).stop, walk_stop::reached);
    EXPECT_EQ(walk(hand_made_image::base + outer_.begin, 3).stop, walk_stop::too_deep);
}

TEST_F(frame_walk_test, ends_at_unwind_data_that_makes_no_sense) {
    words_[3 + 5] = inside(bad_);
    const record seen = walk();
    EXPECT_EQ(seen.stop, walk_stop::bad_unwind_data);
    EXPECT_EQ(seen.frames.size(), 3u);
    EXPECT_TRUE(seen.frames.back().in_image);
}

TEST_F(frame_walk_test, a_leaf_calls_nobody) {
    words_[3 + 5] = hand_made_image::base + leaf_ + 4;
    const record seen = walk();
    EXPECT_EQ(seen.stop, walk_stop::bad_unwind_data);
    EXPECT_EQ(seen.frames.size(), 3u);
    EXPECT_EQ(seen.frames.back().function, 0u);
}

TEST_F(frame_walk_test, ends_where_frames_do_not_rise) {
    const auto framed = made_.add(byte_list(32, 0x90),
                                  {.prologue = 4, .codes = code(4, op::set_frame_register, 0), .frame_register = rbp});
    words_[3] = inside(framed);
    for (const std::size_t place : {0u, 2u}) {
        registers_.general[rbp] = at(place);
        words_[place] = inside(inner_);
        const record seen = walk();
        EXPECT_EQ(seen.stop, walk_stop::not_rising);
        EXPECT_EQ(seen.frames.size(), 3u);
    }
    registers_.general[rbp] = at(3); // the same frame again
    EXPECT_EQ(walk().stop, walk_stop::not_rising);
    EXPECT_EQ(walk().frames.size(), 3u);
}

TEST_F(frame_walk_test, names_the_whole_function_of_a_part) {
    const auto part = made_.add(byte_list(16, 0x90), {.codes = {}, .chained_to = outer_});
    words_[3 + 10] = inside(part);
    const record seen = walk();
    EXPECT_EQ(seen.stop, walk_stop::reached);
    EXPECT_EQ(seen.frames.back().function, hand_made_image::base + outer_.begin);
}

} // namespace
} // namespace moor::unwind::test
