# Loops that keep a value of the caller's in every register of a class, for registers_test.cpp. Each is
#   void hold(const void* values, void* found, uint64_t rounds)
# loads the class from `values`, goes round that often without touching it, and stores it to `found`. Frames have unwind
# data, because the frames of a coroutine are walked before it is preempted.
    .intel_syntax noprefix
    .text

    .macro begin_function name
    .p2align 4
    .globl \name
    .def \name; .scl 2; .type 32; .endef
    .seh_proc \name
\name:
    .endm

# rax rcx rdx rbx rbp rsi rdi r8 ... r15: 15 words. All but rsp, so that the count is on the stack.
    begin_function moor_test_hold_general
    push rbx
    .seh_pushreg rbx
    push rbp
    .seh_pushreg rbp
    push rsi
    .seh_pushreg rsi
    push rdi
    .seh_pushreg rdi
    push r12
    .seh_pushreg r12
    push r13
    .seh_pushreg r13
    push r14
    .seh_pushreg r14
    push r15
    .seh_pushreg r15
    sub rsp, 136
    .seh_stackalloc 136
    .seh_endprologue
    mov [rsp], r8              # rounds that are left
    mov [rsp+8], rdx           # where they go
    mov rax, [rcx]
    mov rdx, [rcx+16]
    mov rbx, [rcx+24]
    mov rbp, [rcx+32]
    mov rsi, [rcx+40]
    mov rdi, [rcx+48]
    mov r8, [rcx+56]
    mov r9, [rcx+64]
    mov r10, [rcx+72]
    mov r11, [rcx+80]
    mov r12, [rcx+88]
    mov r13, [rcx+96]
    mov r14, [rcx+104]
    mov r15, [rcx+112]
    mov rcx, [rcx+8]           # last: it was the base
1:  dec qword ptr [rsp]
    jnz 1b
    mov [rsp+16], rax          # no register is free yet
    mov rax, [rsp+8]
    mov [rax+8], rcx
    mov rcx, [rsp+16]
    mov [rax], rcx
    mov [rax+16], rdx
    mov [rax+24], rbx
    mov [rax+32], rbp
    mov [rax+40], rsi
    mov [rax+48], rdi
    mov [rax+56], r8
    mov [rax+64], r9
    mov [rax+72], r10
    mov [rax+80], r11
    mov [rax+88], r12
    mov [rax+96], r13
    mov [rax+104], r14
    mov [rax+112], r15
    add rsp, 136
    pop r15
    pop r14
    pop r13
    pop r12
    pop rdi
    pop rsi
    pop rbp
    pop rbx
    ret
    .seh_endproc

# One word of flags. The loop changes none; no call while the direction flag is set. What is pushed for a moment does not
# disturb a walk, since rbp is the frame.
    begin_function moor_test_hold_flags
    push rbp
    .seh_pushreg rbp
    mov rbp, rsp
    .seh_setframe rbp, 0
    sub rsp, 32
    .seh_stackalloc 32
    .seh_endprologue
    mov r9, rcx
    mov rcx, r8                # what jrcxz looks at
    push [r9]
    popfq
1:  lea rcx, [rcx-1]
    jrcxz 2f
    jmp 1b
2:  pushfq
    pop rax
    cld
    mov [rdx], rax
    lea rsp, [rbp]
    pop rbp
    ret
    .seh_endproc

# The nonvolatile ones, around a loop over vector registers. 168: 10 registers, and alignment.
    .macro keep_vectors
    sub rsp, 168
    .seh_stackalloc 168
    .irp number, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movaps [rsp+16*(\number-6)], xmm\number
    .seh_savexmm xmm\number, 16*(\number-6)
    .endr
    .seh_endprologue
    .endm
    .macro restore_vectors
    .irp number, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movaps xmm\number, [rsp+16*(\number-6)]
    .endr
    add rsp, 168
    .endm

# xmm0 ... xmm15: 16 bytes each.
    begin_function moor_test_hold_xmm
    keep_vectors
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups xmm\number, [rcx+16*\number]
    .endr
1:  dec r8
    jnz 1b
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups [rdx+16*\number], xmm\number
    .endr
    restore_vectors
    ret
    .seh_endproc

# ymm0 ... ymm15: 32 bytes each.
    begin_function moor_test_hold_ymm
    keep_vectors
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovups ymm\number, [rcx+32*\number]
    .endr
1:  dec r8
    jnz 1b
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovups [rdx+32*\number], ymm\number
    .endr
    vzeroupper
    restore_vectors
    ret
    .seh_endproc

# zmm0 ... zmm31: 64 bytes each, then k0 ... k7: 8 bytes each.
    begin_function moor_test_hold_zmm
    keep_vectors
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovups zmm\number, [rcx+64*\number]
    .endr
    .irp number, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    vmovups zmm\number, [rcx+64*\number]
    .endr
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7
    kmovq k\number, [rcx+64*32+8*\number]
    .endr
1:  dec r8
    jnz 1b
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovups [rdx+64*\number], zmm\number
    .endr
    .irp number, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    vmovups [rdx+64*\number], zmm\number
    .endr
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7
    kmovq [rdx+64*32+8*\number], k\number
    .endr
    vzeroupper
    restore_vectors
    ret
    .seh_endproc

# MXCSR: 4 bytes.
    begin_function moor_test_hold_mxcsr
    sub rsp, 8
    .seh_stackalloc 8
    .seh_endprologue
    stmxcsr [rsp]              # the caller's
    ldmxcsr [rcx]
1:  dec r8
    jnz 1b
    stmxcsr [rdx]
    ldmxcsr [rsp]
    add rsp, 8
    ret
    .seh_endproc

# st(0) ... st(7): 10 bytes each, then the control word: 2 bytes. None is left in use.
    begin_function moor_test_hold_x87
    sub rsp, 8
    .seh_stackalloc 8
    .seh_endprologue
    fnstcw [rsp]               # the caller's
    fninit
    fldcw [rcx+80]
    .irp number, 7, 6, 5, 4, 3, 2, 1, 0
    fld tbyte ptr [rcx+10*\number]
    .endr
1:  dec r8
    jnz 1b
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7
    fstp tbyte ptr [rdx+10*\number]
    .endr
    fnstcw [rdx+80]
    fninit
    fldcw [rsp]
    add rsp, 8
    ret
    .seh_endproc
