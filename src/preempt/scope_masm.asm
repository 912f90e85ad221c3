; moor_run_preemptible for MASM and llvm-ml: see scope_gas.S, which is the same line by line and says why.
.code

moor_run_preemptible PROC FRAME
    sub rsp, 40                ; home space of the callee, and alignment
    .allocstack 40
    .endprolog
    mov rax, rcx
    mov rcx, rdx
    call rax                   ; no jump: the frame is what the monitor looks for
    nop                        ; the return address lies before no epilogue
    add rsp, 40
    ret
moor_run_preemptible ENDP

END
