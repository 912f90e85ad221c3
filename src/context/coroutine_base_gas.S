# moor_coroutine_base: the outermost frame of every coroutine. Its exception handler is asked when no frame above it has
# handled an exception, and is the last to be asked: the handlers that the system has for a thread lie at the base of
# the thread's system stack, where no search from a coroutine's stack comes.
#
# Entered by the first jump to the stack, with its argument in rcx, which is passed on. Never returns: when the coroutine
# has ended, it jumps to the code that switches away for good. That is no call, because nothing would ever return to it,
# and the processor predicts returns in pairs with calls: each one left over costs a misprediction in every frame of the
# stack that is resumed next. The address of a return is there all the same, for unwinding. The calls of the library are
# direct: through variables they were mispredicted in some programs, depending on where the linker had placed them.
#
# This frame holds no address of its stack, which may move while the body runs (law 3).
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
    xor ebx, ebx               # whatever they hold comes from the stack that was left, and frames above save it
    xor ebp, ebp
    xor esi, esi
    xor edi, edi
    xor r12d, r12d
    xor r13d, r13d
    xor r14d, r14d
    xor r15d, r15d
    call moor_coroutine_entry
    mov rcx, [rax + 8]         # a first_call: the body is called from here, so that no frame of C++ lies below it
    mov rdx, [rax + 16]
    call qword ptr [rax]
    call moor_coroutine_ended
    mov rcx, rax               # the worker that it ended on
    lea rax, [rip + 1f]
    push rax                   # as a call would
    jmp moor_coroutine_end
1:  nop                        # the return address lies in this function, and before no epilogue
    ud2
    .seh_endproc
