# moor_run_preemptible: the outermost frame of a preemptible scope. The monitor knows the end of the scope's frames by this
# function (law 4). In assembly, because a stack may move while it waits: it holds no address of the stack (law 3).
#
# void moor_run_preemptible(void (*function)(void*), void* argument), Microsoft x64 convention: rcx, rdx.
    .intel_syntax noprefix
    .text
    .p2align 4
    .globl moor_run_preemptible
    .def moor_run_preemptible; .scl 2; .type 32; .endef
    .seh_proc moor_run_preemptible
moor_run_preemptible:
    sub rsp, 40                # home space of the callee, and alignment
    .seh_stackalloc 40
    .seh_endprologue
    mov rax, rcx
    mov rcx, rdx
    call rax                   # no jump: the frame is what the monitor looks for
    nop                        # the return address lies before no epilogue
    add rsp, 40
    ret
    .seh_endproc
