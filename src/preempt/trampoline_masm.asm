; The trampoline of preemption for MASM and llvm-ml: see trampoline_gas.S, which is the same line by line and says why.
EXTERN moor_preempted:PROC

.code

moor_preempt_arrival PROC FRAME
    .pushframe
    .savereg rbx, 64
    .savereg rbp, 72
    .savereg rsi, 80
    .savereg rdi, 88
    .savereg r12, 128
    .savereg r13, 136
    .savereg r14, 144
    .savereg r15, 152
    .setframe rbx, 0
    .endprolog
    mov rsp, qword ptr [rbx+184] ; the worker's system stack; first, since nothing may be pushed to the other one
    cld
    mov eax, dword ptr [rbx+160] ; the features to save, low and high half
    mov edx, dword ptr [rbx+164]
    xsave64 [rbx+256]
    test eax, 4
    jz saved
    vzeroupper
saved:
    fninit
    fldcw word ptr [rbx+180]
    ldmxcsr dword ptr [rbx+176]
    mov rcx, rbx
    call moor_preempted        ; does not return
    int 3
moor_preempt_arrival ENDP

moor_preempt_resume PROC FRAME
    .endprolog
    mov eax, dword ptr [rcx+160]
    mov edx, dword ptr [rcx+164]
    xrstor64 [rcx+256]
    mov eax, ss                ; what iretq takes off this stack, in one instruction: SS
    push rax
    push qword ptr [rcx+24]    ; RSP
    push qword ptr [rcx+16]    ; RFLAGS
    mov eax, cs
    push rax                   ; CS
    push qword ptr [rcx]       ; RIP
    mov rax, [rcx+40]
    mov rdx, [rcx+56]
    mov rbx, [rcx+64]
    mov rbp, [rcx+72]
    mov rsi, [rcx+80]
    mov rdi, [rcx+88]
    mov r8, [rcx+96]
    mov r9, [rcx+104]
    mov r10, [rcx+112]
    mov r11, [rcx+120]
    mov r12, [rcx+128]
    mov r13, [rcx+136]
    mov r14, [rcx+144]
    mov r15, [rcx+152]
    mov rcx, [rcx+48]          ; last: it was the base
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
