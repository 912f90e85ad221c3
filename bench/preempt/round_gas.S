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
    mov [rcx+24], rsp          # on this stack
    pushfq
    pop qword ptr [rcx+16]
    mov [rcx+40], rax
    mov [rcx+48], rcx
    mov [rcx+56], rdx
    mov [rcx+64], rbx
    mov [rcx+72], rbp
    mov [rcx+80], rsi
    mov [rcx+88], rdi
    mov [rcx+96], r8
    mov [rcx+104], r9
    mov [rcx+112], r10
    mov [rcx+120], r11
    mov [rcx+128], r12
    mov [rcx+136], r13
    mov [rcx+144], r14
    mov [rcx+152], r15
    mov eax, [rcx+160]
    mov edx, [rcx+164]
    xsave64 [rcx+256]
    fninit
    fldcw [rcx+180]
    ldmxcsr [rcx+176]
    call moor_preempt_resume   # comes back by iretq, with the stack pointer from above
1:  add rsp, 40
    ret
    .seh_endproc
