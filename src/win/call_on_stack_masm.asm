; moor_call_on_stack for MASM and llvm-ml: see call_on_stack_gas.S, which is the same line by line and says why.
.code

moor_call_on_stack PROC FRAME
    push rbp
    .pushreg rbp
    mov rbp, rsp               ; where the caller's stack is left
    .setframe rbp, 0
    .endprolog
    lea rsp, [rcx-32]          ; the other stack, with the callee's home space
    and rsp, -16               ; a suspended context is only known to be 8-byte aligned
    mov rcx, r8
    call rdx
    lea rsp, [rbp]             ; back; the form that the unwinder takes for an epilogue
    pop rbp
    ret
moor_call_on_stack ENDP

END
