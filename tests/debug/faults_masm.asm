; Faults that no compiler makes. faults_gas.S explains them.

EXTERN moor_test_skip_fault:PROC

.code

moor_test_handled_fault PROC FRAME:moor_test_skip_fault
    sub rsp, 40
    .allocstack 40
    .endprolog
    xor eax, eax
    mov byte ptr [rax], 1      ; three bytes, which the handler skips
    mov eax, 1
    add rsp, 40
    ret
moor_test_handled_fault ENDP

moor_test_handled_fault_below_damage PROC FRAME
    sub rsp, 40
    .allocstack 40
    .endprolog
    mov rcx, [rsp+40]
    mov [rsp+48], rcx
    mov qword ptr [rsp+40], 16
    call moor_test_handled_fault
    mov rcx, [rsp+48]
    mov [rsp+40], rcx
    add rsp, 40
    ret
moor_test_handled_fault_below_damage ENDP

; void moor_test_return_to(uint64_t address): as a function returns, and to its caller's frame. For GNU syntax the test does it
; in place.
moor_test_return_to PROC
    push rcx
    ret
moor_test_return_to ENDP

END
