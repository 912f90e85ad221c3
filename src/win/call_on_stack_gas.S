# moor_call_on_stack: calls a function on another stack and comes back. The frame is found again through rbp, so that the
# chain of frames of whatever runs there leads back to the caller's stack.
#
# void moor_call_on_stack(void* stack_pointer, void (*function)(void*), void* argument), Microsoft x64 convention:
#   rcx = stack_pointer, rdx = function, r8 = argument.
    .intel_syntax noprefix
    .text
    .p2align 4
    .globl moor_call_on_stack
    .def moor_call_on_stack; .scl 2; .type 32; .endef
    .seh_proc moor_call_on_stack
moor_call_on_stack:
    push rbp
    .seh_pushreg rbp
    mov rbp, rsp               # where the caller's stack is left
    .seh_setframe rbp, 0
    .seh_endprologue
    lea rsp, [rcx-32]          # the other stack, with the callee's home space
    and rsp, -16               # a suspended context is only known to be 8-byte aligned
    mov rcx, r8
    call rdx
    lea rsp, [rbp]             # back; the form that the unwinder takes for an epilogue
    pop rbp
    ret
    .seh_endproc
