; moor_jump for MASM and llvm-ml: see jump_gas.S, which is the same line by line and says why.
.code

moor_jump PROC FRAME
    sub rsp, 118h              ; the record, but for the return address
    .allocstack 118h
    movaps [rsp], xmm6
    .savexmm128 xmm6, 0
    movaps [rsp+10h], xmm7
    .savexmm128 xmm7, 10h
    movaps [rsp+20h], xmm8
    .savexmm128 xmm8, 20h
    movaps [rsp+30h], xmm9
    .savexmm128 xmm9, 30h
    movaps [rsp+40h], xmm10
    .savexmm128 xmm10, 40h
    movaps [rsp+50h], xmm11
    .savexmm128 xmm11, 50h
    movaps [rsp+60h], xmm12
    .savexmm128 xmm12, 60h
    movaps [rsp+70h], xmm13
    .savexmm128 xmm13, 70h
    movaps [rsp+80h], xmm14
    .savexmm128 xmm14, 80h
    movaps [rsp+90h], xmm15
    .savexmm128 xmm15, 90h
    mov [rsp+0d0h], r12
    .savereg r12, 0d0h
    mov [rsp+0d8h], r13
    .savereg r13, 0d8h
    mov [rsp+0e0h], r14
    .savereg r14, 0e0h
    mov [rsp+0e8h], r15
    .savereg r15, 0e8h
    mov [rsp+0f0h], rdi
    .savereg rdi, 0f0h
    mov [rsp+0f8h], rsi
    .savereg rsi, 0f8h
    mov [rsp+100h], rbx
    .savereg rbx, 100h
    mov [rsp+108h], rbp
    .savereg rbp, 108h
    .endprolog
    mov [rsp+110h], rcx
    stmxcsr dword ptr [rsp+0a0h]
    fnstcw word ptr [rsp+0a4h]
    mov r10d, 30h              ; the TEB, by a register: assemblers disagree on what gs:[30h] is
    mov r10, qword ptr gs:[r10]
    mov rax, [r10+20h]         ; what it says of this stack
    mov [rsp+0b0h], rax
    mov rax, [r10+1478h]
    mov [rsp+0b8h], rax
    mov rax, [r10+10h]
    mov [rsp+0c0h], rax
    mov rax, [r10+8]
    mov [rsp+0c8h], rax
    mov eax, dword ptr [rsp+0a0h] ; for the comparisons
    movzx r11d, word ptr [rsp+0a4h]
    mov r9, rsp                ; the result: where this stack can be resumed

    mov rsp, rdx               ; from here on it is the other stack, whose frame looks the same to an unwinder
    cmp eax, dword ptr [rsp+0a0h]
    jne other_mxcsr
same_mxcsr:
    cmp r11w, word ptr [rsp+0a4h]
    jne other_x87
same_x87:
    mov rax, [rsp+0b0h]        ; what the TEB has to say of that one
    mov [r10+20h], rax
    mov rax, [rsp+0b8h]
    mov [r10+1478h], rax
    mov rax, [rsp+0c0h]
    mov [r10+10h], rax
    mov rax, [rsp+0c8h]
    mov [r10+8], rax
    movaps xmm6, [rsp]
    movaps xmm7, [rsp+10h]
    movaps xmm8, [rsp+20h]
    movaps xmm9, [rsp+30h]
    movaps xmm10, [rsp+40h]
    movaps xmm11, [rsp+50h]
    movaps xmm12, [rsp+60h]
    movaps xmm13, [rsp+70h]
    movaps xmm14, [rsp+80h]
    movaps xmm15, [rsp+90h]
    mov r12, [rsp+0d0h]
    mov r13, [rsp+0d8h]
    mov r14, [rsp+0e0h]
    mov r15, [rsp+0e8h]
    mov rdi, [rsp+0f0h]
    mov rsi, [rsp+0f8h]
    mov rbx, [rsp+100h]
    mov rbp, [rsp+108h]
    mov rax, [rsp+110h]        ; where the resumed one wants its result
    mov [rax], r9              ; transfer_t: where the left stack can be resumed,
    mov [rax+8], r8            ; and the data
    mov rcx, rax               ; a new stack's function takes it as its argument
    add rsp, 118h
    ret
other_mxcsr:
    ldmxcsr dword ptr [rsp+0a0h]
    jmp same_mxcsr
other_x87:
    fldcw word ptr [rsp+0a4h]
    jmp same_x87
moor_jump ENDP

END
