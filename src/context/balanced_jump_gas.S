# moor_balanced_jump: Boost.Context's jump_fcontext, followed by a repair of the processor's return prediction.
#
# jump_fcontext is entered by `call` and left by `jmp`. The return address that its call put on top of the return-stack
# buffer is never taken off, so after every switch each `ret` on the way back to the user is predicted one frame off:
# two or three mispredictions, which cost more than the switch. Every switch of the library comes through this one call,
# so what is left on top of the buffer is always the address 1f below; one `ret` to that very address takes it off.
#
# transfer_t moor_balanced_jump(fcontext_t to, void* data), Microsoft x64 convention:
#   rcx = where the result goes, rdx = to, r8 = data; returns rcx in rax. Clobbers what jump_fcontext does.
    .intel_syntax noprefix
    .text
    .p2align 4
    .globl moor_balanced_jump
    .def moor_balanced_jump; .scl 2; .type 32; .endef
    .seh_proc moor_balanced_jump
moor_balanced_jump:
    sub rsp, 40                # home space of the callee, and alignment
    .seh_stackalloc 40
    .seh_endprologue
    call jump_fcontext         # passes all arguments on; comes back by `jmp r10`, on whichever thread resumes this stack
1:  test r10, r10              # first time: r10 is the address that jump_fcontext jumped to, which is 1b
    jz 2f                      # second time: it is zero
    push r10                   # return to 1b, as the return-stack buffer predicts; unwinding never starts between
    xor r10d, r10d             # these three instructions, since none of them can fault
    ret
2:  add rsp, 40
    ret                        # and from here on every return is predicted right
    .seh_endproc
