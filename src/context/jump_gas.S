# moor_jump: Boost.Context's jump_fcontext for one place in the program, faster. A suspended stack looks the same to both
# (the record below, which Boost's make_fcontext makes for a new stack), so either can resume what the other has left.
#
# Three things are different:
# - It is left by `ret`, where Boost's is left by `jmp`. The processor predicts a `ret` from the addresses that calls have
#   pushed. All of the library's switches call this function from the same two places, so the address on top is the one
#   that the resumed stack returns to, and every later return on it is predicted right, too. After a `jmp` each of them
#   would be predicted one frame off.
# - MXCSR and the x87 control word are loaded only when they differ: loading them costs more than saving and comparing.
# - It has unwind information, which holds on both sides of the switch.
#
# transfer_t moor_jump(fcontext_t to, void* data), Microsoft x64 convention:
#   rcx = where the result goes, rdx = to, r8 = data; returns rcx in rax. Clobbers what any function may.
#
# The record, from where rsp points while a stack is suspended:
#   0x00 xmm6 ... xmm15 (16 bytes each)    0xa0 MXCSR, x87 control word (4 bytes each)
#   0xb0 TEB: fiber data                   0xb8 TEB: deallocation stack
#   0xc0 TEB: stack limit                  0xc8 TEB: stack base
#   0xd0 r12, r13, r14, r15, rdi, rsi, rbx, rbp (8 bytes each)
#   0x110 where the result goes            0x118 return address
    .intel_syntax noprefix
    .text
    .p2align 4
    .globl moor_jump
    .def moor_jump; .scl 2; .type 32; .endef
    .seh_proc moor_jump
moor_jump:
    sub rsp, 0x118             # the record, but for the return address
    .seh_stackalloc 0x118
    movaps [rsp], xmm6
    .seh_savexmm xmm6, 0
    movaps [rsp+0x10], xmm7
    .seh_savexmm xmm7, 0x10
    movaps [rsp+0x20], xmm8
    .seh_savexmm xmm8, 0x20
    movaps [rsp+0x30], xmm9
    .seh_savexmm xmm9, 0x30
    movaps [rsp+0x40], xmm10
    .seh_savexmm xmm10, 0x40
    movaps [rsp+0x50], xmm11
    .seh_savexmm xmm11, 0x50
    movaps [rsp+0x60], xmm12
    .seh_savexmm xmm12, 0x60
    movaps [rsp+0x70], xmm13
    .seh_savexmm xmm13, 0x70
    movaps [rsp+0x80], xmm14
    .seh_savexmm xmm14, 0x80
    movaps [rsp+0x90], xmm15
    .seh_savexmm xmm15, 0x90
    mov [rsp+0xd0], r12
    .seh_savereg r12, 0xd0
    mov [rsp+0xd8], r13
    .seh_savereg r13, 0xd8
    mov [rsp+0xe0], r14
    .seh_savereg r14, 0xe0
    mov [rsp+0xe8], r15
    .seh_savereg r15, 0xe8
    mov [rsp+0xf0], rdi
    .seh_savereg rdi, 0xf0
    mov [rsp+0xf8], rsi
    .seh_savereg rsi, 0xf8
    mov [rsp+0x100], rbx
    .seh_savereg rbx, 0x100
    mov [rsp+0x108], rbp
    .seh_savereg rbp, 0x108
    .seh_endprologue
    mov [rsp+0x110], rcx
    stmxcsr [rsp+0xa0]
    fnstcw [rsp+0xa4]
    mov r10, gs:[0x30]         # the TEB
    mov rax, [r10+0x20]        # what it says of this stack
    mov [rsp+0xb0], rax
    mov rax, [r10+0x1478]
    mov [rsp+0xb8], rax
    mov rax, [r10+0x10]
    mov [rsp+0xc0], rax
    mov rax, [r10+0x08]
    mov [rsp+0xc8], rax
    mov eax, [rsp+0xa0]        # for the comparisons
    movzx r11d, word ptr [rsp+0xa4]
    mov r9, rsp                # the result: where this stack can be resumed

    mov rsp, rdx               # from here on it is the other stack, whose frame looks the same to an unwinder
    cmp eax, [rsp+0xa0]
    jne 3f
1:  cmp r11w, [rsp+0xa4]
    jne 4f
2:  mov rax, [rsp+0xb0]        # what the TEB has to say of that one
    mov [r10+0x20], rax
    mov rax, [rsp+0xb8]
    mov [r10+0x1478], rax
    mov rax, [rsp+0xc0]
    mov [r10+0x10], rax
    mov rax, [rsp+0xc8]
    mov [r10+0x08], rax
    movaps xmm6, [rsp]
    movaps xmm7, [rsp+0x10]
    movaps xmm8, [rsp+0x20]
    movaps xmm9, [rsp+0x30]
    movaps xmm10, [rsp+0x40]
    movaps xmm11, [rsp+0x50]
    movaps xmm12, [rsp+0x60]
    movaps xmm13, [rsp+0x70]
    movaps xmm14, [rsp+0x80]
    movaps xmm15, [rsp+0x90]
    mov r12, [rsp+0xd0]
    mov r13, [rsp+0xd8]
    mov r14, [rsp+0xe0]
    mov r15, [rsp+0xe8]
    mov rdi, [rsp+0xf0]
    mov rsi, [rsp+0xf8]
    mov rbx, [rsp+0x100]
    mov rbp, [rsp+0x108]
    mov rax, [rsp+0x110]       # where the resumed one wants its result
    mov [rax], r9              # transfer_t: where the left stack can be resumed,
    mov [rax+8], r8            # and the data
    mov rcx, rax               # a new stack's function takes it as its argument
    add rsp, 0x118
    ret
3:  ldmxcsr [rsp+0xa0]
    jmp 1b
4:  fldcw [rsp+0xa4]
    jmp 2b
    .seh_endproc
