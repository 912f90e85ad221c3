# Room for exceptions on stacks that move. The linker's --wrap option leads every throw of a program that was set up with
# moor_enable_movable_stacks through here. A throw needs kilobytes that code with stack checks has not provided for, so
# the stack is grown first, in the same way as a function's prologue does it; then it must stay until the exception is
# caught, because the unwinder keeps addresses of frames (law 3).
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
