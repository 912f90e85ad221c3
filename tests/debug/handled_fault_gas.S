# A function with a fault that its own frame handles, as structured exception handling does: bool moor_test_handled_fault().
# True when it has been handled, by moor_test_skip_fault.
    .intel_syntax noprefix
    .text
    .p2align 4
    .globl moor_test_handled_fault
    .def moor_test_handled_fault; .scl 2; .type 32; .endef
    .seh_proc moor_test_handled_fault
moor_test_handled_fault:
    sub rsp, 40
    .seh_stackalloc 40
    .seh_endprologue
    .seh_handler moor_test_skip_fault, @except
    xor eax, eax
    mov byte ptr [rax], 1      # three bytes, which the handler skips
    mov eax, 1
    add rsp, 40
    ret
    .seh_endproc
