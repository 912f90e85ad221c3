; The trampoline of preemption for MASM and llvm-ml: see trampoline_gas.S, which is the same line by line and says why.
EXTERN moor_preempted:PROC

.code

moor_preempt_arrival PROC FRAME
    sub rsp, 40                ; home space, and alignment as after a call
    .allocstack 40
    .endprolog
    cld
    mov eax, dword ptr [rcx+144] ; the features to save, low and high half
    mov edx, dword ptr [rcx+148]
    xsave64 [rcx+192]
    test eax, 4
    jz saved
    vzeroupper
saved:
    fninit
    fldcw word ptr [rcx+164]
    ldmxcsr dword ptr [rcx+160]
    call moor_preempted        ; does not return
    int 3
moor_preempt_arrival ENDP

moor_preempt_resume PROC FRAME
    .endprolog
    mov eax, dword ptr [rcx+144]
    mov edx, dword ptr [rcx+148]
    xrstor64 [rcx+192]
    mov eax, ss                ; what iretq takes off this stack, in one instruction: SS
    push rax
    push qword ptr [rcx+8]     ; RSP
    push qword ptr [rcx+16]    ; RFLAGS
    mov eax, cs
    push rax                   ; CS
    push qword ptr [rcx]       ; RIP
    mov rax, [rcx+24]
    mov rdx, [rcx+40]
    mov rbx, [rcx+48]
    mov rbp, [rcx+56]
    mov rsi, [rcx+64]
    mov rdi, [rcx+72]
    mov r8, [rcx+80]
    mov r9, [rcx+88]
    mov r10, [rcx+96]
    mov r11, [rcx+104]
    mov r12, [rcx+112]
    mov r13, [rcx+120]
    mov r14, [rcx+128]
    mov r15, [rcx+136]
    mov rcx, [rcx+32]          ; last: it was the base
    iretq
moor_preempt_resume ENDP

moor_extended_features PROC
    xor ecx, ecx               ; XCR0
    xgetbv
    shl rdx, 32
    or rax, rdx
    ret
moor_extended_features ENDP

moor_x87_control_word PROC
    fnstcw word ptr [rsp+8]    ; the caller's home space
    movzx eax, word ptr [rsp+8]
    ret
moor_x87_control_word ENDP

END
