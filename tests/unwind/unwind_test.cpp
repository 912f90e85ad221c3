// Undoing one frame, for every kind of unwind code, at every point of the prologue.
#include "unwind/unwind.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include <gtest/gtest.h>

#include "unwind/hand_made_image.hpp"

namespace moor::unwind::test {
namespace {

using op = unwind::unwind_operation;

// A stack of which each word tells where it is, and a thread on it that runs a function made by hand.
class unwind_test : public testing::Test {
protected:
    unwind_test() {
        for (std::size_t index = 0; index != words_.size(); ++index) {
            words_[index] = 0xabc000 + index;
        }
        registers_.stack_pointer() = at(8);
        for (const unsigned number : {rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r12, r13, r14, r15}) {
            registers_.general[number] = 0x111100 + number;
        }
    }

    [[nodiscard]] std::uint64_t at(std::size_t index) const {
        return reinterpret_cast<std::uint64_t>(words_.data()) + index * sizeof(std::uint64_t);
    }
    [[nodiscard]] static std::uint64_t word(std::size_t index) { return 0xabc000 + index; }
    [[nodiscard]] stack_bounds stack() const { return {at(0), at(words_.size())}; }

    // A function of that many bytes that are no epilogue.
    function_entry add(const unwind_description& unwind) { return made_.add(byte_list(64, 0x90), unwind); }

    // Unwinds from that byte of the function on.
    unwind_result unwind_at(const function_entry& entry, std::uint32_t offset) {
        const code_image image = made_.image();
        registers_.instruction = hand_made_image::base + entry.begin + offset;
        return unwind_frame(image, &entry, stack(), registers_);
    }

    // The caller goes on as the word of that number says, with the stack pointer above it.
    void expect_returned_from(std::size_t index) const {
        EXPECT_EQ(registers_.instruction, word(index));
        EXPECT_EQ(registers_.stack_pointer(), at(index + 1));
    }
    void expect_kept(std::initializer_list<unsigned> numbers) const {
        for (const unsigned number : numbers) {
            EXPECT_EQ(registers_.general[number], 0x111100u + number);
        }
    }

    std::array<std::uint64_t, 600> words_{};
    hand_made_image made_;
    machine_registers registers_;
};

TEST_F(unwind_test, a_leaf_has_its_return_address_on_top) {
    const code_image image = made_.image();
    EXPECT_EQ(unwind_frame(image, nullptr, stack(), registers_), unwind_result::done);
    expect_returned_from(8);
    expect_kept({rax, rbx, rbp, rsi, rdi, r12, r13, r14, r15});
}

TEST_F(unwind_test, pops_what_the_prologue_pushed) {
    const auto entry = add({.prologue = 4,
                            .codes = join({code(4, op::push_nonvolatile, r12), code(2, op::push_nonvolatile, rsi),
                                           code(1, op::push_nonvolatile, rbx)})});
    ASSERT_EQ(unwind_at(entry, 4), unwind_result::done);
    EXPECT_EQ(registers_.general[r12], word(8));
    EXPECT_EQ(registers_.general[rsi], word(9));
    EXPECT_EQ(registers_.general[rbx], word(10));
    expect_returned_from(11);
    expect_kept({rbp, rdi, r13, r14, r15});
}

TEST_F(unwind_test, in_the_prologue_only_what_it_has_done_is_undone) {
    const auto entry = add({.prologue = 8,
                            .codes = join({code(8, op::allocate_small, 4 - 1), code(4, op::push_nonvolatile, r12),
                                           code(2, op::push_nonvolatile, rsi)})});
    const machine_registers before = registers_;
    // Up to each of these bytes, the return address is that many words up.
    constexpr std::array<std::size_t, 10> pushed{0, 0, 1, 1, 2, 2, 2, 2, 6, 6};
    for (std::uint32_t offset = 0; offset != pushed.size(); ++offset) {
        registers_ = before;
        ASSERT_EQ(unwind_at(entry, offset), unwind_result::done);
        expect_returned_from(8 + pushed[offset]);
        EXPECT_EQ(registers_.general[rsi] == 0x111100u + rsi, offset < 2);
        EXPECT_EQ(registers_.general[r12] == 0x111100u + r12, offset < 4);
    }
}

TEST_F(unwind_test, frees_small_allocations) {
    for (const unsigned words : {1u, 2u, 16u}) {
        const auto entry = add({.prologue = 4, .codes = code(4, op::allocate_small, words - 1)});
        registers_.stack_pointer() = at(8);
        ASSERT_EQ(unwind_at(entry, 10), unwind_result::done);
        expect_returned_from(8 + words);
    }
}

TEST_F(unwind_test, frees_large_allocations_in_words) {
    const auto entry = add({.prologue = 7, .codes = code(7, op::allocate_large, 0, {500})});
    ASSERT_EQ(unwind_at(entry, 10), unwind_result::done);
    expect_returned_from(508);
}

TEST_F(unwind_test, frees_large_allocations_in_bytes) {
    const auto entry = add({.prologue = 7, .codes = code(7, op::allocate_large, 1, {501 * 8, 0})});
    ASSERT_EQ(unwind_at(entry, 10), unwind_result::done);
    expect_returned_from(509);
    const auto larger = add({.prologue = 7, .codes = code(7, op::allocate_large, 1, {8, 1})});
    registers_.stack_pointer() = at(8) - 0x10000;
    ASSERT_EQ(unwind_at(larger, 10), unwind_result::done) << "the upper half counts";
    expect_returned_from(9);
}

// push rbp; sub rsp, 64; lea rbp, [rsp + 32]; then some alloca.
TEST_F(unwind_test, finds_the_frame_by_its_register_after_the_instruction_that_sets_it) {
    const auto entry = add({.prologue = 10,
                            .codes = join({code(10, op::set_frame_register, 0), code(5, op::allocate_small, 8 - 1),
                                           code(1, op::push_nonvolatile, rbp)}),
                            .frame_register = rbp,
                            .frame_offset = 2});
    registers_.general[rbp] = at(40) + 32;
    ASSERT_EQ(unwind_at(entry, 12), unwind_result::done);
    EXPECT_EQ(registers_.general[rbp], word(48));
    expect_returned_from(49);

    registers_.general[rbp] = 0x5555; // still the caller's
    registers_.stack_pointer() = at(8);
    ASSERT_EQ(unwind_at(entry, 9), unwind_result::done);
    EXPECT_EQ(registers_.general[rbp], word(16));
    expect_returned_from(17);
}

TEST_F(unwind_test, the_frame_register_counts_as_soon_as_it_is_set) {
    // The prologue goes on after it.
    const auto entry =
        add({.prologue = 14,
             .codes = join({code(14, op::save_nonvolatile, rsi, {3}), code(10, op::set_frame_register, 0),
                            code(5, op::allocate_small, 8 - 1), code(1, op::push_nonvolatile, rbp)}),
             .frame_register = rbp});
    registers_.general[rbp] = at(40);
    ASSERT_EQ(unwind_at(entry, 10), unwind_result::done);
    expect_returned_from(49);
    expect_kept({rsi});
    registers_.general[rbp] = at(40);
    registers_.stack_pointer() = at(8);
    ASSERT_EQ(unwind_at(entry, 14), unwind_result::done);
    EXPECT_EQ(registers_.general[rsi], word(43));
}

TEST_F(unwind_test, a_part_has_the_frame_register_from_its_first_instruction_on) {
    const auto whole = add({.prologue = 5,
                            .codes = join({code(5, op::set_frame_register, 0), code(1, op::push_nonvolatile, rbp)}),
                            .frame_register = rbp});
    const auto part = add(
        {.prologue = 5, .codes = code(5, op::save_nonvolatile, rsi, {1}), .frame_register = rbp, .chained_to = whole});
    registers_.general[rbp] = at(40);
    ASSERT_EQ(unwind_at(part, 2), unwind_result::done);
    EXPECT_EQ(registers_.general[rbp], word(40));
    expect_returned_from(41);
}

TEST_F(unwind_test, loads_what_was_saved_by_moves) {
    const auto entry =
        add({.prologue = 20,
             .codes = join({code(20, op::save_nonvolatile_far, r15, {30 * 8, 0}),
                            code(12, op::save_nonvolatile, rdi, {5}), code(4, op::allocate_large, 0, {40})})});
    ASSERT_EQ(unwind_at(entry, 20), unwind_result::done);
    EXPECT_EQ(registers_.general[r15], word(38));
    EXPECT_EQ(registers_.general[rdi], word(13));
    expect_returned_from(48);
}

TEST_F(unwind_test, saved_vector_registers_move_nothing) {
    const auto entry =
        add({.prologue = 20,
             .codes = join({code(20, op::save_vector_far, 7, {0xfff0, 0x7fff}), code(12, op::save_vector, 6, {0xffff}),
                            code(4, op::allocate_small, 2 - 1)})});
    ASSERT_EQ(unwind_at(entry, 20), unwind_result::done) << "and what they say of places is not read";
    expect_returned_from(10);
}

TEST_F(unwind_test, an_interrupted_caller_goes_on_where_it_was) {
    const auto plain =
        add({.prologue = 1, .codes = join({code(1, op::push_nonvolatile, rbp), code(0, op::push_machine_frame, 0)})});
    words_[12] = at(100);
    ASSERT_EQ(unwind_at(plain, 1), unwind_result::done);
    EXPECT_EQ(registers_.general[rbp], word(8));
    EXPECT_EQ(registers_.instruction, word(9));
    EXPECT_EQ(registers_.stack_pointer(), at(100));

    const auto with_error = add({.prologue = 1, .codes = code(0, op::push_machine_frame, 1)});
    registers_.stack_pointer() = at(8);
    ASSERT_EQ(unwind_at(with_error, 1), unwind_result::done);
    EXPECT_EQ(registers_.instruction, word(9));
    EXPECT_EQ(registers_.stack_pointer(), at(100));
}

TEST_F(unwind_test, a_part_undoes_its_own_codes_and_those_of_the_function) {
    const auto whole =
        add({.prologue = 6, .codes = join({code(6, op::allocate_small, 4 - 1), code(2, op::push_nonvolatile, rbx)})});
    const auto part = add({.prologue = 5, .codes = code(5, op::save_nonvolatile, rsi, {2}), .chained_to = whole});
    const auto part_of_part = add({.codes = {}, .chained_to = part});
    for (const function_entry& each : {part, part_of_part}) {
        registers_.stack_pointer() = at(8);
        ASSERT_EQ(unwind_at(each, 20), unwind_result::done);
        EXPECT_EQ(registers_.general[rsi], word(10));
        EXPECT_EQ(registers_.general[rbx], word(12));
        expect_returned_from(13);
    }
    registers_.general[rsi] = 1;
    registers_.stack_pointer() = at(8);
    ASSERT_EQ(unwind_at(part, 4), unwind_result::done) << "in the part's own prologue";
    EXPECT_EQ(registers_.general[rsi], 1u);
    expect_returned_from(13);
}

TEST_F(unwind_test, follows_an_entry_that_stands_for_another_one) {
    const auto real = add({.prologue = 4, .codes = code(4, op::allocate_small, 3 - 1)});
    byte_list copy(sizeof real);
    std::memcpy(copy.data(), &real, sizeof real);
    made_.put(0x2f00, copy);
    function_entry standing = real;
    standing.unwind = 0x2f00 | 1u;
    ASSERT_EQ(unwind_at(standing, 10), unwind_result::done);
    expect_returned_from(11);
}

// ---- What is wrong -------------------------------------------------------------------------------------------------

TEST_F(unwind_test, reads_nothing_off_the_stack) {
    const auto pushes = add({.prologue = 1, .codes = code(1, op::push_nonvolatile, rbx)});
    const auto saves = add({.prologue = 5, .codes = code(5, op::save_nonvolatile, rbx, {700})});
    const auto saves_far = add({.prologue = 5, .codes = code(5, op::save_nonvolatile_far, rbx, {0xfff8, 0x7fff})});
    const auto interrupts = add({.prologue = 5, .codes = code(0, op::push_machine_frame, 0)});
    const auto framed = add({.prologue = 5, .codes = code(5, op::set_frame_register, 0), .frame_register = rbp});
    for (const function_entry& each : {pushes, interrupts, framed}) {
        for (const std::uint64_t place :
             {at(0) - 8, at(600), at(600) - 4, std::uint64_t{0}, std::uint64_t{UINT64_MAX - 3}}) {
            registers_.stack_pointer() = place;
            registers_.general[rbp] = place;
            EXPECT_EQ(unwind_at(each, 20), unwind_result::off_stack) << place - at(0);
        }
    }
    for (const function_entry& each : {saves, saves_far}) {
        registers_.stack_pointer() = at(8);
        EXPECT_EQ(unwind_at(each, 20), unwind_result::off_stack);
    }
    registers_.stack_pointer() = at(599);
    EXPECT_EQ(unwind_at(pushes, 20), unwind_result::off_stack) << "the return address";
    registers_.stack_pointer() = at(597);
    EXPECT_EQ(unwind_at(interrupts, 20), unwind_result::off_stack) << "the interrupted stack pointer";
    registers_.stack_pointer() = at(600);
    EXPECT_EQ(unwind_frame(made_.image(), nullptr, stack(), registers_), unwind_result::off_stack);
}

TEST_F(unwind_test, knows_what_makes_no_sense) {
    const auto expect_bad = [&](const char* what, const unwind_description& unwind) {
        const auto entry = add(unwind);
        registers_.stack_pointer() = at(8);
        EXPECT_EQ(unwind_at(entry, 30), unwind_result::bad_unwind_data) << what;
    };
    expect_bad("version 0", {.version = 0, .codes = {}});
    expect_bad("version 3", {.version = 3, .codes = {}});
    expect_bad("operation 6 in version 1", {.codes = code(0, op::epilogue, 0)});
    expect_bad("operation 7", {.codes = code(0, op::spare, 0)});
    expect_bad("operation 11", {.codes = code(0, static_cast<op>(11), 0)});
    expect_bad("a third form of large allocation", {.codes = code(0, op::allocate_large, 2, {1, 1})});
    expect_bad("operand cut off", {.codes = code(0, op::allocate_large, 0)});
    expect_bad("half of the operand cut off", {.codes = code(0, op::save_nonvolatile_far, rbx, {1})});
    expect_bad("no frame register", {.codes = code(0, op::set_frame_register, 0)});
    expect_bad("chained outside the image", {.codes = {}, .chained_to = function_entry{0, 1, 0x3000}});
    expect_bad("chained to itself", {.codes = {}, .chained_to = function_entry{0, 1, made_.next_unwind()}});
}

TEST_F(unwind_test, reads_nothing_outside_the_image) {
    const auto real = add({.codes = code(0, op::allocate_small, 0)});
    for (const std::uint32_t place :
         {hand_made_image::size, hand_made_image::size - 2, UINT32_MAX - 3, UINT32_MAX, hand_made_image::size + 1}) {
        function_entry wrong = real;
        wrong.unwind = place;
        EXPECT_EQ(unwind_at(wrong, 30), unwind_result::bad_unwind_data) << place;
    }
    // The header is inside, the codes are not; or they are and their operand is not.
    made_.put(hand_made_image::size - 4, {1, 0, 1, 0});
    function_entry at_end = real;
    at_end.unwind = hand_made_image::size - 4;
    EXPECT_EQ(unwind_at(at_end, 30), unwind_result::bad_unwind_data);
    made_.put(hand_made_image::size - 6, {1, 0, 2, 0, 0, 1});
    at_end.unwind = hand_made_image::size - 6;
    EXPECT_EQ(unwind_at(at_end, 30), unwind_result::bad_unwind_data);
    // An entry that stands for itself.
    byte_list circle(sizeof(function_entry));
    const function_entry itself{0, 1, 0x2f00 | 1u};
    std::memcpy(circle.data(), &itself, sizeof itself);
    made_.put(0x2f00, circle);
    EXPECT_EQ(unwind_at(itself, 0), unwind_result::bad_unwind_data);
}

} // namespace
} // namespace moor::unwind::test
