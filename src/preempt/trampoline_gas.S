# The trampoline of preemption: where an interrupted thread arrives, and how what was interrupted goes on.
# Offsets are those of preempt::preempted_state. Neither writes to the interrupted stack.
    .intel_syntax noprefix
    .text

# moor_preempt_arrival: rcx = preempted_state*, rsp = 16-byte aligned on the worker's own stack; all general registers are
# saved already, vector and x87 registers are those of the interrupted code. The outermost frame: nothing returns here.
    .p2align 4
    .globl moor_preempt_arrival
    .def moor_preempt_arrival; .scl 2; .type 32; .endef
    .seh_proc moor_preempt_arrival
moor_preempt_arrival:
    sub rsp, 40                # home space, and alignment as after a call
    .seh_stackalloc 40
    .seh_endprologue
    cld                        # the convention's state of the direction flag
    mov eax, [rcx+144]         # the features to save, low and high half
    mov edx, [rcx+148]
    xsave64 [rcx+192]          # XMM, YMM, ZMM, mask registers, MXCSR, x87 and whatever else there is
    test eax, 4
    jz 1f
    vzeroupper                 # else every SSE instruction from here on waits for the upper halves
1:  fninit                     # the interrupted code may have used all of the x87 registers
    fldcw [rcx+164]            # the control state of this stack
    ldmxcsr [rcx+160]
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
    mov eax, [rcx+144]         # the features to restore, as they were saved
    mov edx, [rcx+148]
    xrstor64 [rcx+192]
    mov eax, ss                # what iretq takes off this stack, in one instruction: SS
    push rax
    push [rcx+8]               # RSP
    push [rcx+16]              # RFLAGS
    mov eax, cs
    push rax                   # CS
    push [rcx]                 # RIP
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
    mov rcx, [rcx+32]          # last: it was the base
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
