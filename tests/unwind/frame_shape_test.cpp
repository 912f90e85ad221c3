// What a frame's unwind data says of it while it is in a call: its size, and where it has saved registers.
#include "unwind/frame_shape.hpp"

#include <cstdint>
#include <initializer_list>
#include <utility>

#include <gtest/gtest.h>

#include "unwind/hand_made_image.hpp"

namespace moor::unwind::test {
namespace {

using op = unwind::unwind_operation;

class frame_shape_test : public testing::Test {
protected:
    // A function of that many bytes.
    function_entry add(const unwind_description& unwind) { return made_.add(byte_list(64, 0x90), unwind); }

    [[nodiscard]] frame_shape shape_at(std::uint64_t rva) const {
        return read_frame_shape(made_.image(), hand_made_image::base + rva);
    }
    // In a call in the function's midst.
    [[nodiscard]] frame_shape shape_in(const function_entry& entry) const { return shape_at(entry.begin + 30); }

    // These registers were saved that many words from the fixed place up, and no others.
    static void expect_saved(const frame_shape& shape,
                             std::initializer_list<std::pair<std::uint8_t, std::uint16_t>> expected) {
        for (std::size_t index = 0; index != frame_shape::registers.size(); ++index) {
            std::uint16_t wanted = frame_shape::not_saved;
            for (const auto& [number, words] : expected) {
                if (number == frame_shape::registers[index]) {
                    wanted = words;
                }
            }
            EXPECT_EQ(shape.saved[index], wanted) << "register " << unsigned{frame_shape::registers[index]};
        }
    }

    hand_made_image made_;
};

TEST_F(frame_shape_test, of_pushes_below_an_allocation) {
    const auto entry = add({.prologue = 8,
                            .codes = join({code(8, op::allocate_small, 5 - 1), code(4, op::push_nonvolatile, r12),
                                           code(2, op::push_nonvolatile, rsi), code(1, op::push_nonvolatile, rbx)})});
    const frame_shape shape = shape_in(entry);
    EXPECT_EQ(shape.owner, frame_owner::other);
    EXPECT_EQ(shape.return_address, hand_made_image::base + entry.begin + 30);
    EXPECT_EQ(shape.bytes, (5u + 3u) * 8u);
    EXPECT_EQ(shape.frame_register, frame_shape::no_register);
    expect_saved(shape, {{r12, 5}, {rsi, 6}, {rbx, 7}});
}

TEST_F(frame_shape_test, of_large_allocations) {
    const auto in_words = add({.prologue = 7, .codes = code(7, op::allocate_large, 0, {500})});
    const auto in_bytes = add({.prologue = 7, .codes = code(7, op::allocate_large, 1, {0x3450, 0x0012})});
    EXPECT_EQ(shape_in(in_words).bytes, 4000u);
    EXPECT_EQ(shape_in(in_bytes).bytes, 0x123450u);
}

// What the function has below, of whatever size, does not count: the register says where the fixed place is.
TEST_F(frame_shape_test, of_a_function_with_a_frame_register) {
    const auto entry = add({.prologue = 20,
                            .codes = join({code(20, op::allocate_small, 9 - 1), code(12, op::set_frame_register, 0),
                                           code(8, op::allocate_small, 6 - 1), code(4, op::push_nonvolatile, rdi),
                                           code(1, op::push_nonvolatile, rbp)}),
                            .frame_register = rbp,
                            .frame_offset = 2});
    const frame_shape shape = shape_in(entry);
    EXPECT_EQ(shape.owner, frame_owner::other);
    EXPECT_EQ(shape.frame_register, rbp);
    EXPECT_EQ(shape.frame_offset, 32u);
    EXPECT_EQ(shape.bytes, (6u + 2u) * 8u);
    expect_saved(shape, {{rdi, 6}, {rbp, 7}});
}

TEST_F(frame_shape_test, of_registers_saved_by_moves) {
    const auto entry = add(
        {.prologue = 20,
         .codes = join({code(20, op::save_nonvolatile, r15, {3}), code(16, op::save_nonvolatile_far, r14, {0x0100, 0}),
                        code(12, op::save_vector, 6, {1}), code(8, op::allocate_small, 16 - 1)})});
    const frame_shape shape = shape_in(entry);
    EXPECT_EQ(shape.bytes, 128u);
    expect_saved(shape, {{r15, 3}, {r14, 32}});
}

TEST_F(frame_shape_test, of_a_part_is_its_own_and_the_functions) {
    const auto function =
        add({.prologue = 4, .codes = join({code(4, op::allocate_small, 4 - 1), code(1, op::push_nonvolatile, rbx)})});
    const auto part = add({.codes = code(0, op::push_nonvolatile, r13), .chained_to = function});
    const frame_shape shape = shape_in(part);
    EXPECT_EQ(shape.owner, frame_owner::other);
    EXPECT_EQ(shape.bytes, (1u + 4u + 1u) * 8u);
    expect_saved(shape, {{r13, 0}, {rbx, 5}});
}

TEST_F(frame_shape_test, a_call_may_be_the_last_instruction) {
    const auto entry = add({.prologue = 4, .codes = code(4, op::allocate_small, 2 - 1)});
    const auto next = add({.prologue = 4, .codes = code(4, op::allocate_small, 8 - 1)});
    EXPECT_EQ(shape_at(entry.end).bytes, 16u);
    EXPECT_EQ(shape_at(next.begin + 1).bytes, 64u);
}

TEST_F(frame_shape_test, is_unknown_where_nothing_sensible_is_said) {
    const auto machine_frame = add({.prologue = 1, .codes = code(1, op::push_machine_frame, 0)});
    const auto no_frame_register = add({.prologue = 1, .codes = code(1, op::set_frame_register, 0)});
    byte_list cut = code(1, op::allocate_large, 1); // without its operand
    const auto incomplete = add({.prologue = 1, .codes = cut});
    const std::uint32_t leaf = made_.add_leaf(byte_list(16, 0x90));
    EXPECT_EQ(shape_in(machine_frame).owner, frame_owner::unknown);
    EXPECT_EQ(shape_in(no_frame_register).owner, frame_owner::unknown);
    EXPECT_EQ(shape_in(incomplete).owner, frame_owner::unknown);
    EXPECT_EQ(shape_at(leaf + 8).owner, frame_owner::unknown);
    EXPECT_EQ(shape_at(hand_made_image::unwind_begin).owner, frame_owner::unknown);
    EXPECT_EQ(read_frame_shape(made_.image(), 0x1000).owner, frame_owner::unknown);
}

void outermost() {}

TEST(frame_shape_cache, tells_return_addresses_apart_that_share_a_place) {
    const movable_code code(reinterpret_cast<const void*>(&outermost), {});
    frame_shape_cache cache(code);
    for (int round = 0; round != 2; ++round) {
        for (std::uint64_t address = 1; address < std::uint64_t{1} << 40; address *= 2) {
            EXPECT_EQ(cache.at(address).return_address, address);
            EXPECT_EQ(cache.at(address + 1024 * 512).return_address, address + 1024 * 512);
        }
    }
}

} // namespace
} // namespace moor::unwind::test
