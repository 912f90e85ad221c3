# Faults that no compiler makes. The same for MASM is in faults_masm.asm.
    .intel_syntax noprefix
    .text

# bool moor_test_handled_fault(): a fault that the function's own frame handles, as structured exception handling does. True
# when it has been handled, by moor_test_skip_fault.
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

# bool moor_test_handled_fault_below_damage(): the same, while the frame of the caller cannot be found: the return address
# to it is in the home space meanwhile.
    .p2align 4
    .globl moor_test_handled_fault_below_damage
    .def moor_test_handled_fault_below_damage; .scl 2; .type 32; .endef
    .seh_proc moor_test_handled_fault_below_damage
moor_test_handled_fault_below_damage:
    sub rsp, 40
    .seh_stackalloc 40
    .seh_endprologue
    mov rcx, [rsp+40]
    mov [rsp+48], rcx
    mov qword ptr [rsp+40], 16
    call moor_test_handled_fault
    mov rcx, [rsp+48]
    mov [rsp+40], rcx
    add rsp, 40
    ret
    .seh_endproc
