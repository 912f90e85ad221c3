// Telling epilogues from bodies by their instructions, and undoing the rest of one from each of its instructions on.
#include "unwind/epilogue.hpp"

#include <array>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "unwind/hand_made_image.hpp"
#include "unwind/unwind.hpp"

namespace moor::unwind::test {
namespace {

using op = unwind::unwind_operation;

// push r12; push rbx; sub rsp, 32
const unwind_description framed{.prologue = 7,
                                .codes = join({code(7, op::allocate_small, 4 - 1), code(3, op::push_nonvolatile, rbx),
                                               code(2, op::push_nonvolatile, r12)})};
const byte_list prologue{0x41, 0x54, 0x53, 0x48, 0x83, 0xec, 0x20};
const byte_list body(9, 0x90);
constexpr std::uint32_t behind_body = 16;

const byte_list add_short{0x48, 0x83, 0xc4, 0x20};
const byte_list add_long{0x48, 0x81, 0xc4, 0x20, 0, 0, 0};
const byte_list pops{0x5b, 0x41, 0x5c};
const byte_list ret{0xc3};

// Whether the epilogue is seen behind the body of a function that ends in it.
bool is_epilogue(const byte_list& instructions, const unwind_description& unwind = framed) {
    hand_made_image made;
    const auto entry = made.add(join({prologue, body, instructions}), unwind);
    const code_image image = made.image();
    const auto at = image.unwind_info_of(entry);
    return at && find_epilogue(image, entry, *at, entry.begin + behind_body);
}

TEST(find_epilogue, knows_every_way_to_free_the_frame) {
    EXPECT_TRUE(is_epilogue(join({add_short, pops, ret})));
    EXPECT_TRUE(is_epilogue(join({add_long, pops, ret})));
    EXPECT_TRUE(is_epilogue(join({pops, ret})));
    EXPECT_TRUE(is_epilogue(ret));
    const byte_list lea_short{0x48, 0x8d, 0x65, 0x10};
    const byte_list lea_long{0x48, 0x8d, 0xa5, 0x10, 0, 0, 0};
    unwind_description by_rbp = framed;
    by_rbp.frame_register = rbp;
    EXPECT_TRUE(is_epilogue(join({lea_short, pops, ret}), by_rbp));
    EXPECT_TRUE(is_epilogue(join({lea_long, pops, ret}), by_rbp));
    EXPECT_FALSE(is_epilogue(join({lea_short, pops, ret}))) << "not the frame's register";
    by_rbp.frame_register = r13;
    EXPECT_FALSE(is_epilogue(join({lea_short, pops, ret}), by_rbp)) << "another register";
    EXPECT_TRUE(is_epilogue(join({{0x49, 0x8d, 0x65, 0x10}, pops, ret}), by_rbp));
    by_rbp.frame_register = r12;
    EXPECT_TRUE(is_epilogue(join({{0x49, 0x8d, 0x64, 0x24, 0x10}, pops, ret}), by_rbp));
    EXPECT_FALSE(is_epilogue(join({{0x49, 0x8d, 0x64, 0x2c, 0x10}, pops, ret}), by_rbp)) << "lea rsp, [r12 + rbp + 16]";
    EXPECT_FALSE(is_epilogue(join({{0x48, 0x8d, 0x60, 0x10}, pops, ret}))) << "rax, where no register is the frame's";
    EXPECT_FALSE(is_epilogue(join({{0x48, 0x83, 0xec, 0x20}, pops, ret}))) << "sub";
    EXPECT_FALSE(is_epilogue(join({{0x48, 0x83, 0xc1, 0x20}, pops, ret}))) << "of rcx";
    EXPECT_FALSE(is_epilogue(join({add_short, add_short, ret}))) << "twice";
    EXPECT_FALSE(is_epilogue(join({pops, add_short, ret}))) << "after the pops";
    EXPECT_FALSE(is_epilogue(join({{0x90}, ret})));
}

TEST(find_epilogue, knows_every_way_to_leave) {
    EXPECT_TRUE(is_epilogue(join({pops, {0xc2, 8, 0}})));
    EXPECT_TRUE(is_epilogue(join({pops, {0xf3, 0xc3}})));
    EXPECT_TRUE(is_epilogue(join({pops, {0xf2, 0xc3}})));
    const byte_list vzeroupper{0xc5, 0xf8, 0x77};
    EXPECT_TRUE(is_epilogue(join({pops, vzeroupper, ret})));
    EXPECT_TRUE(is_epilogue(join({vzeroupper, ret}))) << "all else is done";
    EXPECT_FALSE(is_epilogue(join({vzeroupper, pops, ret}))) << "the frame is still there";
    EXPECT_TRUE(is_epilogue(join({pops, {0xff, 0x25, 0, 0, 0, 0}}))) << "jmp [address]";
    EXPECT_TRUE(is_epilogue(join({pops, {0x48, 0xff, 0xe0}}))) << "jmp rax with a prefix";
    EXPECT_TRUE(is_epilogue(join({pops, {0x49, 0xff, 0x22}}))) << "jmp [r10]";
    EXPECT_FALSE(is_epilogue(join({pops, {0xff, 0xe0}}))) << "jmp rax without, as switch statements do";
    EXPECT_FALSE(is_epilogue(join({pops, {0x41, 0xff, 0xe0}}))) << "jmp r8, which has to have that prefix";
    EXPECT_FALSE(is_epilogue(join({pops, {0x3e, 0xff, 0xe0}}))) << "jmp rax with another prefix";
    EXPECT_FALSE(is_epilogue(join({pops, {0x48, 0xff, 0xd0}}))) << "call";
    EXPECT_FALSE(is_epilogue(join({pops, {0xe8, 0, 0, 0, 0}}))) << "call";
    EXPECT_FALSE(is_epilogue(pops)) << "the function ends without an end";
    EXPECT_FALSE(is_epilogue({0x48, 0x83, 0xc4})) << "cut off";
    EXPECT_FALSE(is_epilogue({0xe9, 0, 0})) << "cut off";
    EXPECT_TRUE(is_epilogue(join({byte_list(16, 0x58), ret})));
    EXPECT_FALSE(is_epilogue(join({byte_list(17, 0x58), ret}))) << "more pops than registers";
}

TEST(find_epilogue, a_jump_ends_it_only_if_it_leaves_the_function) {
    EXPECT_TRUE(is_epilogue(join({pops, {0xe9, 0, 2, 0, 0}})));
    EXPECT_TRUE(is_epilogue(join({pops, {0xe9, 0, 0xff, 0xff, 0xff}})));
    EXPECT_TRUE(is_epilogue(join({pops, {0xeb, 0x40}})));
    EXPECT_FALSE(is_epilogue(join({pops, {0xeb, 0xf0}}))) << "into the body";
    EXPECT_FALSE(is_epilogue(join({pops, {0xe9, 0xf0, 0xff, 0xff, 0xff}}))) << "into the body";
    // Behind body and pops, two bytes long: 21 back is the beginning.
    EXPECT_TRUE(is_epilogue(join({pops, {0xeb, 0x100 - 21}}))) << "calls itself";
    EXPECT_FALSE(is_epilogue(join({pops, {0xeb, 0x100 - 20}})));
    EXPECT_TRUE(is_epilogue(join({pops, {0xe9, 0x100 - 24, 0xff, 0xff, 0xff}}))) << "calls itself";
    EXPECT_FALSE(is_epilogue(join({pops, {0xe9, 0x100 - 23, 0xff, 0xff, 0xff}})));
}

TEST(find_epilogue, parts_of_one_function_are_the_function) {
    hand_made_image made;
    const auto whole = made.add(join({prologue, body, ret}), framed); // 17 bytes
    unwind_description of_part;
    of_part.codes = code(0, op::save_nonvolatile, rsi, {1});
    of_part.chained_to = whole;
    const auto part =
        made.add({0xeb, 0x100 - 2 - 10, 0xeb, 0x100 - 4 - 17, 0xeb, 0, 0xc3, 0xeb, 3, 0xeb, 0x100 - 11, 0x90}, of_part);
    const auto next = made.add(ret, framed);
    const code_image image = made.image();
    const auto at = image.unwind_info_of(part);
    ASSERT_TRUE(at);
    const auto seen = [&](std::uint32_t offset) {
        return find_epilogue(image, part, *at, part.begin + offset).has_value();
    };
    EXPECT_FALSE(seen(0)) << "into the body of the whole";
    EXPECT_TRUE(seen(2)) << "to its beginning: calls itself";
    EXPECT_FALSE(seen(4)) << "within the part";
    EXPECT_TRUE(seen(6));
    EXPECT_TRUE(seen(7)) << "to the next function";
    EXPECT_FALSE(seen(9)) << "to the part's beginning, which is the middle of the function";
    EXPECT_EQ(next.begin, part.begin + 12);
}

TEST(find_epilogue, where_there_is_nothing_to_undo_there_is_none) { EXPECT_FALSE(is_epilogue(ret, {.codes = {}})); }

TEST(find_epilogue, knows_registers_by_their_prefixes) {
    hand_made_image made;
    const auto entry =
        made.add(join({prologue, body, {0x5b, 0x41, 0x5b, 0x40, 0x5f, 0x48, 0x5e, 0x49, 0x5c}, ret}), framed);
    const code_image image = made.image();
    const auto at = image.unwind_info_of(entry);
    ASSERT_TRUE(at);
    const auto found = find_epilogue(image, entry, *at, entry.begin + behind_body);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->pop_count, 5u);
    EXPECT_EQ(byte_list(found->pops.begin(), found->pops.begin() + 5), (byte_list{rbx, 11, rdi, rsi, r12}));
}

// ---- Undoing the rest ----------------------------------------------------------------------------------------------

// The stack from below: 4 words of frame, rbx, r12, return address.
class rest_test : public testing::Test {
protected:
    rest_test() {
        for (std::size_t index = 0; index != words_.size(); ++index) {
            words_[index] = 0xabc000 + index;
        }
    }
    [[nodiscard]] std::uint64_t at(std::size_t index) const {
        return reinterpret_cast<std::uint64_t>(words_.data()) + index * sizeof(std::uint64_t);
    }

    // The thread has popped that many words of the frame and is at that byte behind the body.
    void expect_unwound(const byte_list& instructions, std::uint32_t offset, std::size_t popped,
                        const unwind_description& unwind = framed, std::size_t removed = 0) {
        hand_made_image made;
        const auto entry = made.add(join({prologue, body, instructions}), unwind);
        const code_image image = made.image();
        machine_registers registers;
        registers.stack_pointer() = at(popped);
        registers.general[rbp] = at(2);
        registers.general[rbx] = popped > 4 ? 0xabc004 : 0;
        registers.general[r12] = popped > 5 ? 0xabc005 : 0;
        registers.instruction = hand_made_image::base + entry.begin + behind_body + offset;
        ASSERT_EQ(unwind_frame(image, &entry, {at(0), at(words_.size())}, registers), unwind_result::done);
        EXPECT_EQ(registers.general[rbx], 0xabc004u) << offset;
        EXPECT_EQ(registers.general[r12], 0xabc005u) << offset;
        EXPECT_EQ(registers.instruction, 0xabc006u) << offset;
        EXPECT_EQ(registers.stack_pointer(), at(7 + removed)) << offset;
    }

    std::array<std::uint64_t, 16> words_{};
};

TEST_F(rest_test, from_each_instruction_on) {
    const byte_list end = join({add_short, pops, ret});
    expect_unwound(end, 0, 0);
    expect_unwound(end, 4, 4);
    expect_unwound(end, 5, 5);
    expect_unwound(end, 7, 6);
    const byte_list long_end = join({add_long, pops, ret});
    expect_unwound(long_end, 0, 0);
    expect_unwound(long_end, 7, 4);
}

TEST_F(rest_test, right_behind_the_prologue) {
    hand_made_image made;
    const auto entry = made.add(join({prologue, pops, ret}), framed);
    const code_image image = made.image();
    machine_registers registers;
    registers.stack_pointer() = at(4);
    registers.instruction = hand_made_image::base + entry.begin + prologue.size();
    ASSERT_EQ(unwind_frame(image, &entry, {at(0), at(words_.size())}, registers), unwind_result::done);
    EXPECT_EQ(registers.instruction, 0xabc006u);
}

TEST_F(rest_test, of_a_tail_call) {
    const byte_list end = join({add_short, pops, {0xe9, 0, 2, 0, 0}});
    expect_unwound(end, 0, 0);
    expect_unwound(end, 7, 6);
}

TEST_F(rest_test, of_a_return_that_removes_arguments) {
    const byte_list end = join({add_short, pops, {0xc2, 16, 0}});
    expect_unwound(end, 4, 4, framed, 2);
}

TEST_F(rest_test, by_the_frame_register) {
    unwind_description by_rbp = framed;
    by_rbp.frame_register = rbp;
    expect_unwound(join({{0x48, 0x8d, 0x65, 0x10}, pops, ret}), 0, 1, by_rbp); // rbp is two words up, so are two left
    expect_unwound(join({{0x48, 0x8d, 0xa5, 0x10, 0, 0, 0}, pops, ret}), 0, 0, by_rbp);
    // Subtracting from it too.
    words_[2] = 0xabc004;
    words_[3] = 0xabc005;
    words_[4] = 0xabc006;
    hand_made_image made;
    const auto entry = made.add(join({prologue, body, {0x48, 0x8d, 0x65, 0xf8}, pops, ret}), by_rbp);
    machine_registers registers;
    registers.general[rbp] = at(3);
    registers.stack_pointer() = at(0);
    registers.instruction = hand_made_image::base + entry.begin + behind_body;
    const code_image image = made.image();
    ASSERT_EQ(unwind_frame(image, &entry, {at(0), at(words_.size())}, registers), unwind_result::done);
    EXPECT_EQ(registers.instruction, 0xabc006u);
    EXPECT_EQ(registers.stack_pointer(), at(5));
}

TEST_F(rest_test, reads_nothing_off_the_stack) {
    hand_made_image made;
    const auto entry = made.add(join({prologue, body, add_short, pops, ret}), framed);
    const code_image image = made.image();
    for (std::size_t top = 0; top != 7; ++top) {
        machine_registers registers;
        registers.stack_pointer() = at(0);
        registers.instruction = hand_made_image::base + entry.begin + behind_body;
        EXPECT_EQ(unwind_frame(image, &entry, {at(0), at(top)}, registers), unwind_result::off_stack);
    }
}

// ---- Version 2: the unwind data says where epilogues are ----------------------------------------------------------

unwind_description version_2(const byte_list& places) {
    unwind_description unwind = framed;
    unwind.version = 2;
    unwind.codes = join({places, framed.codes});
    return unwind;
}

// pop rbx; pop r12; jmp rax, which version 1 takes for a switch statement's. The size goes to the jump's first byte.
const byte_list odd_end{0x5b, 0x41, 0x5c, 0xff, 0xe0};

TEST_F(rest_test, of_an_epilogue_stated_to_be_at_the_end) {
    const unwind_description unwind = version_2(code(5, op::epilogue, 1));
    const byte_list end = join({add_short, odd_end});
    expect_unwound(end, 0, 0, unwind); // still the body
    expect_unwound(end, 4, 4, unwind);
    expect_unwound(end, 5, 5, unwind);
    expect_unwound(end, 7, 6, unwind);
}

TEST_F(rest_test, of_epilogues_stated_by_their_distance_from_the_end) {
    // The second code is where one begins; the third one fills up.
    const unwind_description unwind =
        version_2(join({code(5, op::epilogue, 0), code(8, op::epilogue, 0), code(0, op::epilogue, 0)}));
    const byte_list end = join({add_short, odd_end, {0x90, 0x90, 0x90}});
    expect_unwound(end, 0, 0, unwind);
    expect_unwound(end, 4, 4, unwind);
    expect_unwound(end, 7, 6, unwind);
    expect_unwound(end, 9, 0, unwind); // behind it: the body again
    // More than 255 bytes from the end.
    const unwind_description far_one = version_2(join({code(5, op::epilogue, 1), code(0x05, op::epilogue, 1)}));
    const byte_list two = join({odd_end, byte_list(256 - 5, 0x90), odd_end});
    expect_unwound(two, 3, 6, far_one);
    expect_unwound(two, 6, 0, far_one);
    expect_unwound(two, 256 + 1, 5, far_one);
}

TEST(find_epilogue, version_2_looks_nowhere_else) {
    EXPECT_FALSE(is_epilogue(join({pops, ret}), version_2({})));
    EXPECT_TRUE(is_epilogue(join({pops, ret}), version_2(code(4, op::epilogue, 1))));
    EXPECT_FALSE(is_epilogue(join({pops, ret}), version_2(code(3, op::epilogue, 1))));
    EXPECT_FALSE(is_epilogue(join({pops, ret}), version_2(code(4, op::epilogue, 0))));
    EXPECT_FALSE(is_epilogue(ret, version_2(join({code(1, op::epilogue, 0), code(255, op::epilogue, 15)}))))
        << "before the function";
    // What lies behind the stated end is something else, and what goes on there is no whole instruction.
    EXPECT_FALSE(
        is_epilogue({0x48, 0x83, 0xc4, 0x20}, version_2(join({code(3, op::epilogue, 0), code(4, op::epilogue, 0)}))))
        << "cut off";
    EXPECT_FALSE(
        is_epilogue(join({add_long, ret}), version_2(join({code(6, op::epilogue, 0), code(8, op::epilogue, 0)}))))
        << "cut off";
    EXPECT_TRUE(is_epilogue(byte_list(16, 0x58), version_2(code(16, op::epilogue, 1))));
    EXPECT_FALSE(is_epilogue(byte_list(17, 0x58), version_2(code(17, op::epilogue, 1)))) << "more pops than registers";
    // An operand that reads like a place.
    unwind_description large = framed;
    large.version = 2;
    large.codes = join(
        {code(4, op::epilogue, 0), code(7, op::allocate_large, 0, {4u | static_cast<unsigned>(op::epilogue) << 8u})});
    EXPECT_FALSE(is_epilogue(join({pops, ret}), large));
}

TEST(find_epilogue, of_version_2_ends_where_it_is_stated) {
    hand_made_image made;
    const auto entry = made.add(join({prologue, body, pops, {0x5d}, ret}),
                                version_2(join({code(3, op::epilogue, 0), code(5, op::epilogue, 0)})));
    const code_image image = made.image();
    const auto at = image.unwind_info_of(entry);
    ASSERT_TRUE(at);
    const auto found = find_epilogue(image, entry, *at, entry.begin + behind_body);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->pop_count, 2u);
}

// It would lie before the function, in another one.
TEST(find_epilogue, of_version_2_lies_within_its_function) {
    hand_made_image made;
    made.add(byte_list(64, 0x90), framed);
    const auto entry = made.add(join({pops, ret}), version_2(code(8, op::epilogue, 1)));
    const code_image image = made.image();
    const auto at = image.unwind_info_of(entry);
    ASSERT_TRUE(at);
    EXPECT_FALSE(find_epilogue(image, entry, *at, entry.begin));
}

} // namespace
} // namespace moor::unwind::test
