// Registers that belong to the caller, general and vector ones, live across a call that grows the stack: every bit of
// them, and adjusted where they hold addresses of the stack.
#include <array>
#include <cstdint>

#include <gtest/gtest.h>

#include "stack/on_movable.hpp"

/// What a function has to leave alone: rbx rbp rdi rsi r12 r13 r14 r15, and xmm6 to xmm15 as two words each.
struct moor_callee_saved {
    std::array<std::uint64_t, 8> general;
    alignas(16) std::array<std::uint64_t, 20> vectors;
};

/// Loads the registers, calls `function`, and stores what they hold then. Has no stack check.
extern "C" void moor_test_call_with_registers(const moor_callee_saved* before, void (*function)(),
                                              moor_callee_saved* after);

asm(R"(
    .intel_syntax noprefix
    .section .movable,"xr" # it keeps no address of the stack
    .p2align 4
    .globl moor_test_call_with_registers
    .def moor_test_call_with_registers; .scl 2; .type 32; .endef
    .seh_proc moor_test_call_with_registers
moor_test_call_with_registers:
    push rbx
    .seh_pushreg rbx
    push rbp
    .seh_pushreg rbp
    push rdi
    .seh_pushreg rdi
    push rsi
    .seh_pushreg rsi
    push r12
    .seh_pushreg r12
    push r13
    .seh_pushreg r13
    push r14
    .seh_pushreg r14
    push r15
    .seh_pushreg r15
    sub rsp, 216
    .seh_stackalloc 216
    movaps [rsp+48], xmm6
    .seh_savexmm xmm6, 48
    movaps [rsp+64], xmm7
    .seh_savexmm xmm7, 64
    movaps [rsp+80], xmm8
    .seh_savexmm xmm8, 80
    movaps [rsp+96], xmm9
    .seh_savexmm xmm9, 96
    movaps [rsp+112], xmm10
    .seh_savexmm xmm10, 112
    movaps [rsp+128], xmm11
    .seh_savexmm xmm11, 128
    movaps [rsp+144], xmm12
    .seh_savexmm xmm12, 144
    movaps [rsp+160], xmm13
    .seh_savexmm xmm13, 160
    movaps [rsp+176], xmm14
    .seh_savexmm xmm14, 176
    movaps [rsp+192], xmm15
    .seh_savexmm xmm15, 192
    .seh_endprologue
    mov [rsp+32], r8
    mov rax, rdx
    mov rbx, [rcx]
    mov rbp, [rcx+8]
    mov rdi, [rcx+16]
    mov rsi, [rcx+24]
    mov r12, [rcx+32]
    mov r13, [rcx+40]
    mov r14, [rcx+48]
    mov r15, [rcx+56]
    movaps xmm6, [rcx+64]
    movaps xmm7, [rcx+80]
    movaps xmm8, [rcx+96]
    movaps xmm9, [rcx+112]
    movaps xmm10, [rcx+128]
    movaps xmm11, [rcx+144]
    movaps xmm12, [rcx+160]
    movaps xmm13, [rcx+176]
    movaps xmm14, [rcx+192]
    movaps xmm15, [rcx+208]
    call rax
    mov rax, [rsp+32]
    mov [rax], rbx
    mov [rax+8], rbp
    mov [rax+16], rdi
    mov [rax+24], rsi
    mov [rax+32], r12
    mov [rax+40], r13
    mov [rax+48], r14
    mov [rax+56], r15
    movaps [rax+64], xmm6
    movaps [rax+80], xmm7
    movaps [rax+96], xmm8
    movaps [rax+112], xmm9
    movaps [rax+128], xmm10
    movaps [rax+144], xmm11
    movaps [rax+160], xmm12
    movaps [rax+176], xmm13
    movaps [rax+192], xmm14
    movaps [rax+208], xmm15
    movaps xmm6, [rsp+48]
    movaps xmm7, [rsp+64]
    movaps xmm8, [rsp+80]
    movaps xmm9, [rsp+96]
    movaps xmm10, [rsp+112]
    movaps xmm11, [rsp+128]
    movaps xmm12, [rsp+144]
    movaps xmm13, [rsp+160]
    movaps xmm14, [rsp+176]
    movaps xmm15, [rsp+192]
    add rsp, 216
    pop r15
    pop r14
    pop r13
    pop r12
    pop rsi
    pop rdi
    pop rbp
    pop rbx
    ret
    .seh_endproc
    .att_syntax
)");

namespace moor {
namespace {

[[gnu::noinline]] void grow() { const test::large_local local; }
[[gnu::noinline]] void grow_much() { static_cast<void>(test::grow_by_kibibytes(30)); }
[[gnu::noinline]] void grow_and_suspend() {
    const test::large_local local;
    this_coroutine::yield();
}

class growth_registers : public testing::TestWithParam<void (*)()> {};
INSTANTIATE_TEST_SUITE_P(by, growth_registers, testing::Values(&grow, &grow_much, &grow_and_suspend));

moor_callee_saved made_up_values() {
    moor_callee_saved made{};
    std::uint64_t value = 0x8040201008040201ull; // no address of anything
    for (auto& each : made.general) {
        each = value *= 0x9e3779b97f4a7c15ull;
    }
    for (auto& each : made.vectors) {
        each = value *= 0x9e3779b97f4a7c15ull;
    }
    return made;
}

TEST_P(growth_registers, keep_every_bit) {
    struct seen {
        moor_callee_saved after;
        std::uint64_t moves;
    };
    const moor_callee_saved before = made_up_values();
    const seen found = test::on_movable([before, function = GetParam()] {
        const std::uint64_t moves = this_coroutine::stack_copies();
        seen result{};
        moor_test_call_with_registers(&before, function, &result.after);
        result.moves = this_coroutine::stack_copies() - moves;
        return result;
    });
    EXPECT_GE(found.moves, 1u);
    EXPECT_EQ(found.after.general, before.general);
    EXPECT_EQ(found.after.vectors, before.vectors);
}

// Numbers that look like addresses of the stack are numbers.
TEST_P(growth_registers, are_left_alone_where_they_look_like_addresses_of_the_stack) {
    struct seen {
        bool same;
        std::uint64_t moves;
    };
    const seen found = test::on_movable([function = GetParam()] {
        moor_callee_saved before{};
        moor_callee_saved after{};
        std::uint64_t number = test::stack_pointer() - 512;
        for (auto& each : before.general) {
            each = number += 40;
        }
        for (auto& each : before.vectors) {
            each = number += 40;
        }
        const std::uint64_t moves = this_coroutine::stack_copies();
        moor_test_call_with_registers(&before, function, &after);
        return seen{before.general == after.general && before.vectors == after.vectors,
                    this_coroutine::stack_copies() - moves};
    });
    EXPECT_TRUE(found.same);
    EXPECT_GE(found.moves, 1u);
}

} // namespace
} // namespace moor
