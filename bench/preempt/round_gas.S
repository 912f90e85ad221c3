# moor_bench_round: what the monitor and the trampoline do to a coroutine's registers, without the scheduler between:
# all general registers are stored, XSAVE stores the rest, and moor_preempt_resume loads everything again.
#
# void moor_bench_round(preempted_state* state): rcx. Offsets are those of preempt::preempted_state.
    .intel_syntax noprefix
    .text
    .p2align 4
    .globl moor_bench_round
    .def moor_bench_round; .scl 2; .type 32; .endef
    .seh_proc moor_bench_round
moor_bench_round:
    sub rsp, 40
    .seh_stackalloc 40
    .seh_endprologue
    lea rax, [rip+1f]
    mov [rcx], rax             # goes on at 1f
    mov [rcx+8], rsp           # on this stack
    pushfq
    pop qword ptr [rcx+16]
    mov [rcx+24], rax
    mov [rcx+32], rcx
    mov [rcx+40], rdx
    mov [rcx+48], rbx
    mov [rcx+56], rbp
    mov [rcx+64], rsi
    mov [rcx+72], rdi
    mov [rcx+80], r8
    mov [rcx+88], r9
    mov [rcx+96], r10
    mov [rcx+104], r11
    mov [rcx+112], r12
    mov [rcx+120], r13
    mov [rcx+128], r14
    mov [rcx+136], r15
    mov eax, [rcx+144]
    mov edx, [rcx+148]
    xsave64 [rcx+192]
    fninit
    fldcw [rcx+164]
    ldmxcsr [rcx+160]
    call moor_preempt_resume   # comes back by iretq, with the stack pointer from above
1:  add rsp, 40
    ret
    .seh_endproc
