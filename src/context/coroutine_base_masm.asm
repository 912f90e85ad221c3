; moor_coroutine_base for MASM and llvm-ml: see coroutine_base_gas.S, which is the same line by line and says why.
EXTERN moor_coroutine_main:PROC
EXTERN moor_unhandled_on_coroutine:PROC

.code

moor_coroutine_base PROC FRAME:moor_unhandled_on_coroutine
    sub rsp, 40                ; home space of the callee, and alignment
    .allocstack 40
    .endprolog
    call moor_coroutine_main
    nop                        ; the return address lies in this function, and before no epilogue
    ud2
moor_coroutine_base ENDP

END
