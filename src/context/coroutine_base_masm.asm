; moor_coroutine_base for MASM: see coroutine_base_gas.S, which is the same line by line and says why. Only ml64 assembles
; it: llvm-ml knows no FRAME with a handler.
EXTERN moor_coroutine_entry:PROC
EXTERN moor_coroutine_ended:PROC
EXTERN moor_coroutine_end:PROC
EXTERN moor_unhandled_on_coroutine:PROC

CONST SEGMENT

; Not by lea: some assemblers make the label's address one of 32 bits.
after_end QWORD ended
CONST ENDS

.code

moor_coroutine_base PROC FRAME:moor_unhandled_on_coroutine
    sub rsp, 40                ; home space of the callee, and alignment
    .allocstack 40
    .endprolog
    xor ebx, ebx               ; whatever they hold comes from the stack that was left, and frames above save it
    xor ebp, ebp
    xor esi, esi
    xor edi, edi
    xor r12d, r12d
    xor r13d, r13d
    xor r14d, r14d
    xor r15d, r15d
    call moor_coroutine_entry
    mov rcx, [rax+8]           ; a first_call: the body is called from here, so that no frame of C++ lies below it
    mov rdx, [rax+16]
    call qword ptr [rax]
    call moor_coroutine_ended
    mov rcx, rax               ; the worker that it ended on
    push qword ptr [after_end] ; as a call would
    jmp moor_coroutine_end
ended:
    nop                        ; the return address lies in this function, and before no epilogue
    ud2
moor_coroutine_base ENDP

END
