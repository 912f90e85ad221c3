; The assembly side of stacks that move, for MASM and llvm-ml: see growth_gas.S, which is the same line by line and says
; why.
EXTERN moor_begin_move:PROC
EXTERN moor_move_stack:PROC

.code

__morestack PROC FRAME
    push rbp                   ; general registers, in the order of saved_registers from its end
    .pushreg rbp
    push rbx
    .pushreg rbx
    push rdi
    .pushreg rdi
    push rsi
    .pushreg rsi
    push r12
    .pushreg r12
    push r13
    .pushreg r13
    push r14
    .pushreg r14
    push r15
    .pushreg r15
    push rax                   ; from here on those that belong to the caller: they may carry arguments
    .allocstack 8
    push rcx
    .allocstack 8
    push rdx
    .allocstack 8
    push r8
    .allocstack 8
    push r9
    .allocstack 8
    push r10
    .allocstack 8
    push r11
    .allocstack 8
    sub rsp, 264               ; the vector registers, and 8 bytes that align them
    .allocstack 264
    .endprolog
    movaps xmmword ptr [rsp], xmm0
    movaps xmmword ptr [rsp+10h], xmm1
    movaps xmmword ptr [rsp+20h], xmm2
    movaps xmmword ptr [rsp+30h], xmm3
    movaps xmmword ptr [rsp+40h], xmm4
    movaps xmmword ptr [rsp+50h], xmm5
    movaps xmmword ptr [rsp+60h], xmm6  ; the callee-saved ones too: a compiler may keep addresses in them
    movaps xmmword ptr [rsp+70h], xmm7
    movaps xmmword ptr [rsp+80h], xmm8
    movaps xmmword ptr [rsp+90h], xmm9
    movaps xmmword ptr [rsp+0a0h], xmm10
    movaps xmmword ptr [rsp+0b0h], xmm11
    movaps xmmword ptr [rsp+0c0h], xmm12
    movaps xmmword ptr [rsp+0d0h], xmm13
    movaps xmmword ptr [rsp+0e0h], xmm14
    movaps xmmword ptr [rsp+0f0h], xmm15
    mov rbx, rsp               ; survives the call: where the registers are
    sub rsp, 32                ; home space
    call moor_begin_move
    mov rsp, rbx
    test rax, rax
    jz restore                 ; this stack stays where it is
    mov rcx, rbx
    lea rsp, [rax-32]          ; the thread's system stack, with home space
    and rsp, -16
    call moor_move_stack
    mov rsp, rax               ; the coroutine's stack in its new place
restore:
    movaps xmm0, xmmword ptr [rsp]
    movaps xmm1, xmmword ptr [rsp+10h]
    movaps xmm2, xmmword ptr [rsp+20h]
    movaps xmm3, xmmword ptr [rsp+30h]
    movaps xmm4, xmmword ptr [rsp+40h]
    movaps xmm5, xmmword ptr [rsp+50h]
    movaps xmm6, xmmword ptr [rsp+60h]
    movaps xmm7, xmmword ptr [rsp+70h]
    movaps xmm8, xmmword ptr [rsp+80h]
    movaps xmm9, xmmword ptr [rsp+90h]
    movaps xmm10, xmmword ptr [rsp+0a0h]
    movaps xmm11, xmmword ptr [rsp+0b0h]
    movaps xmm12, xmmword ptr [rsp+0c0h]
    movaps xmm13, xmmword ptr [rsp+0d0h]
    movaps xmm14, xmmword ptr [rsp+0e0h]
    movaps xmm15, xmmword ptr [rsp+0f0h]
    add rsp, 264
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdx
    pop rcx
    pop rax
    pop r15
    pop r14
    pop r13
    pop r12
    pop rsi
    pop rdi
    pop rbx
    pop rbp
    inc qword ptr [rsp]        ; past the one-byte ret that follows the call
    ret
__morestack ENDP

moor_ensure_stack PROC
    mov r10d, 28h              ; the check limit, by a register: assemblers disagree on what gs:[28h] is
    mov r10, qword ptr gs:[r10]
    test r10, r10
    je enough                  ; there is none
    mov rax, rsp
    sub rax, rcx
    jb more                    ; more than there are addresses
    cmp rax, r10
    ja enough
more:
    mov r10, rcx
    xor r11d, r11d
    call __morestack
    ret                        ; skipped
enough:
    ret
moor_ensure_stack ENDP

END
