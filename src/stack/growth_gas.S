# The assembly side of stacks that move; growth.hpp says what for. Clang's -fsplit-stack calls the first.
    .intel_syntax noprefix
    .text

# __morestack: called by a function's prologue, before the function has touched anything, as
#       mov r10, <bytes of its frame>
#       mov r11, <bytes of its stack arguments>
#       call __morestack
#       ret
#   body: ...
# Returns to `body`, on a stack with room for the frame, with every register as it was.
    .p2align 4
    .globl __morestack
    .def __morestack; .scl 2; .type 32; .endef
    .seh_proc __morestack
__morestack:
    push rbp                   # general registers, in the order of saved_registers from its end
    .seh_pushreg rbp
    push rbx
    .seh_pushreg rbx
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
    push rax                   # from here on those that belong to the caller: they may carry arguments
    .seh_stackalloc 8
    push rcx
    .seh_stackalloc 8
    push rdx
    .seh_stackalloc 8
    push r8
    .seh_stackalloc 8
    push r9
    .seh_stackalloc 8
    push r10
    .seh_stackalloc 8
    push r11
    .seh_stackalloc 8
    sub rsp, 264               # the vector registers, and 8 bytes that align them
    .seh_stackalloc 264
    .seh_endprologue
    movaps [rsp], xmm0
    movaps [rsp+0x10], xmm1
    movaps [rsp+0x20], xmm2
    movaps [rsp+0x30], xmm3
    movaps [rsp+0x40], xmm4
    movaps [rsp+0x50], xmm5
    movaps [rsp+0x60], xmm6    # the callee-saved ones too: a compiler may keep addresses in them
    movaps [rsp+0x70], xmm7
    movaps [rsp+0x80], xmm8
    movaps [rsp+0x90], xmm9
    movaps [rsp+0xa0], xmm10
    movaps [rsp+0xb0], xmm11
    movaps [rsp+0xc0], xmm12
    movaps [rsp+0xd0], xmm13
    movaps [rsp+0xe0], xmm14
    movaps [rsp+0xf0], xmm15
    mov rbx, rsp               # survives the call: where the registers are
    sub rsp, 32                # home space
    call moor_begin_move
    mov rsp, rbx
    test rax, rax
    jz 1f                      # this stack stays where it is
    mov rcx, rbx
    lea rsp, [rax-32]          # the thread's system stack, with home space
    and rsp, -16
    call moor_move_stack
    mov rsp, rax               # the coroutine's stack in its new place
1:  movaps xmm0, [rsp]
    movaps xmm1, [rsp+0x10]
    movaps xmm2, [rsp+0x20]
    movaps xmm3, [rsp+0x30]
    movaps xmm4, [rsp+0x40]
    movaps xmm5, [rsp+0x50]
    movaps xmm6, [rsp+0x60]
    movaps xmm7, [rsp+0x70]
    movaps xmm8, [rsp+0x80]
    movaps xmm9, [rsp+0x90]
    movaps xmm10, [rsp+0xa0]
    movaps xmm11, [rsp+0xb0]
    movaps xmm12, [rsp+0xc0]
    movaps xmm13, [rsp+0xd0]
    movaps xmm14, [rsp+0xe0]
    movaps xmm15, [rsp+0xf0]
    add rsp, 264
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdx
    pop rcx
    pop rax
    pop r15
    pop r14
    pop r13
    pop r12
    pop rsi
    pop rdi
    pop rbx
    pop rbp
    inc qword ptr [rsp]        # past the one-byte ret that follows the call
    ret
    .seh_endproc

# void moor_ensure_stack(size): has the caller's stack moved to where so many bytes are free, if it moves at all. Like the check
# in a prologue: no frame lies between the caller and __morestack.
    .p2align 4
    .globl moor_ensure_stack
    .def moor_ensure_stack; .scl 2; .type 32; .endef
moor_ensure_stack:
    cmp qword ptr gs:[0x28], 0 # the check limit: there is none
    je 2f
    mov rax, rsp
    sub rax, rcx
    jb 1f                      # more than there are addresses
    cmp rax, gs:[0x28]
    ja 2f
1:  mov r10, rcx
    xor r11d, r11d
    call __morestack
    ret                        # skipped
2:  ret
