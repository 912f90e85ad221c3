# Room for what has no stack checks and stays on the coroutine's stack: exceptions, and the library itself. It is made where
# covered code calls, before any other frame is there, in the same way as a function's prologue does it.
#
# The linker's --wrap option leads every throw of a program that was set up with moor_enable_movable_stacks through here. A throw
# needs kilobytes; then the stack must stay until the exception is caught, because the unwinder keeps addresses of frames
# (law 3). It may come from below functions that are not covered: sched/frame_pointers.hpp says when the stack moves then.
    .intel_syntax noprefix
    .text

    .macro make_room_and_go_on from, to
    .p2align 4
    .globl \from
    .def \from; .scl 2; .type 32; .endef
\from:
    lea rax, [rsp-16384]       # what law 6 promises a throw
    cmp rax, gs:[0x28]         # the check limit; unsigned, and 0 where nothing is checked
    ja 1f
    mov r10d, 16384
    mov r11d, 0x7ffffff1       # saved_registers::for_throw
    call __morestack
    ret                        # skipped
1:  jmp \to
    .endm

    make_room_and_go_on __wrap___cxa_throw, __real___cxa_throw
    make_room_and_go_on __wrap___cxa_rethrow, __real___cxa_rethrow
    # std::rethrow_exception(std::exception_ptr)
    make_room_and_go_on __wrap__ZSt17rethrow_exceptionNSt15__exception_ptr13exception_ptrE, __real__ZSt17rethrow_exceptionNSt15__exception_ptr13exception_ptrE

# Calls of the library from covered code come here when they find too little room (src/compiler/divert_calls.cpp):
#   r10 = the function, r11 = bytes that it needs beside the headroom; the stack as at the function's entry.
    .p2align 4
    .globl moor_call_with_room
    .def moor_call_with_room; .scl 2; .type 32; .endef
moor_call_with_room:
    mov rax, r10               # carries no argument, and is kept
    mov r10d, r11d
    xor r11d, r11d
    call __morestack
    ret                        # skipped
    jmp rax
