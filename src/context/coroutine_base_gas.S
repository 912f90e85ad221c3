# moor_coroutine_base: the outermost frame of every coroutine. Its exception handler is asked when no frame above it has
# handled an exception, and is the last to be asked: the handlers that the system has for a thread lie at the base of
# the thread's own stack, where no search from a coroutine's stack comes.
#
# Entered by Boost.Context's first jump, with its argument in rcx, which is passed on. Never returns.
    .intel_syntax noprefix
    .text
    .p2align 4
    .globl moor_coroutine_base
    .def moor_coroutine_base; .scl 2; .type 32; .endef
    .seh_proc moor_coroutine_base
moor_coroutine_base:
    sub rsp, 40                # home space of the callee, and alignment
    .seh_stackalloc 40
    .seh_endprologue
    .seh_handler moor_unhandled_on_coroutine, @except
    call qword ptr [rip + moor_coroutine_entry]
    nop                        # the return address lies in this function, and before no epilogue
    ud2
    .seh_endproc
