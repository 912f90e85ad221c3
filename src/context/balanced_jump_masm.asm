; moor_balanced_jump for MASM and llvm-ml: see balanced_jump_gas.S, which is the same line by line and says why.
EXTERN jump_fcontext:PROC

.code

moor_balanced_jump PROC FRAME
    sub rsp, 40                ; home space of the callee, and alignment
    .allocstack 40
    .endprolog
    call jump_fcontext         ; passes all arguments on; comes back by "jmp r10"
arrived:
    test r10, r10              ; first time: r10 is the address that jump_fcontext jumped to, which is "arrived"
    jz balanced                ; second time: it is zero
    push r10                   ; return to "arrived", as the return-stack buffer predicts
    xor r10d, r10d
    ret
balanced:
    add rsp, 40
    ret
moor_balanced_jump ENDP

END
