# The trampoline of preemption: where an interrupted thread arrives, and how what was interrupted goes on.
# Offsets are those of preempt::preempted_state. Neither writes to the interrupted stack.
    .intel_syntax noprefix
    .text

# moor_preempt_arrival: rbx = preempted_state*; all general registers are saved there already, and all others, the stack
# pointer included, are those of the interrupted code. Nothing returns here.
# The record begins with a machine frame, so the unwind data leads back to the interrupted code from every instruction:
# the prologue is empty, and rbx is the frame throughout.
    .p2align 4
    .globl moor_preempt_arrival
    .def moor_preempt_arrival; .scl 2; .type 32; .endef
    .seh_proc moor_preempt_arrival
moor_preempt_arrival:
    .seh_pushframe
    .seh_savereg rbx, 64
    .seh_savereg rbp, 72
    .seh_savereg rsi, 80
    .seh_savereg rdi, 88
    .seh_savereg r12, 128
    .seh_savereg r13, 136
    .seh_savereg r14, 144
    .seh_savereg r15, 152
    .seh_setframe rbx, 0
    .seh_endprologue
    mov rsp, [rbx+184]         # the worker's system stack; first, since nothing may be pushed to the other one
    cld                        # the convention's state of the direction flag
    mov eax, [rbx+160]         # the features to save, low and high half
    mov edx, [rbx+164]
    xsave64 [rbx+256]          # XMM, YMM, ZMM, mask registers, MXCSR, x87 and whatever else there is
    test eax, 4
    jz 1f
    vzeroupper                 # else every SSE instruction from here on waits for the upper halves
1:  fninit                     # the interrupted code may have used all of the x87 registers
    fldcw [rbx+180]            # the control state of this stack
    ldmxcsr [rbx+176]
    mov rcx, rbx
    call moor_preempted        # does not return
    int3
    .seh_endproc

# moor_preempt_resume: rcx = preempted_state*.
    .p2align 4
    .globl moor_preempt_resume
    .def moor_preempt_resume; .scl 2; .type 32; .endef
    .seh_proc moor_preempt_resume
moor_preempt_resume:
    .seh_endprologue
    mov eax, [rcx+160]         # the features to restore, as they were saved
    mov edx, [rcx+164]
    xrstor64 [rcx+256]
    mov eax, ss                # what iretq takes off this stack, in one instruction: SS
    push rax
    push [rcx+24]              # RSP
    push [rcx+16]              # RFLAGS
    mov eax, cs
    push rax                   # CS
    push [rcx]                 # RIP
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
    mov rcx, [rcx+48]          # last: it was the base
    iretq                      # the only way to set RIP, RSP and RFLAGS at once
    .seh_endproc

# uint64_t moor_extended_features()
    .p2align 4
    .globl moor_extended_features
    .def moor_extended_features; .scl 2; .type 32; .endef
moor_extended_features:
    xor ecx, ecx               # XCR0
    xgetbv
    shl rdx, 32
    or rax, rdx
    ret

# uint16_t moor_x87_control_word()
    .p2align 4
    .globl moor_x87_control_word
    .def moor_x87_control_word; .scl 2; .type 32; .endef
moor_x87_control_word:
    fnstcw [rsp+8]             # the caller's home space
    movzx eax, word ptr [rsp+8]
    ret
