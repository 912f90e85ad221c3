# The rare ways into the data stack, as the compiler pass calls them (src/compiler): with LLVM's preserve_most convention, so that
# the frequent way, which is inlined, need not save registers on their account. All general registers but r11 and the
# result's are kept.
    .intel_syntax noprefix
    .text

    .macro keep_registers_and_call name, to
    .p2align 4
    .globl \name
    .def \name; .scl 2; .type 32; .endef
    .seh_proc \name
\name:
    push rcx
    .seh_stackalloc 8
    push rdx
    .seh_stackalloc 8
    push r8
    .seh_stackalloc 8
    push r9
    .seh_stackalloc 8
    push r10
    .seh_stackalloc 8
    sub rsp, 32                # home space
    .seh_stackalloc 32
    .seh_endprologue
    call \to
    add rsp, 32
    pop r10
    pop r9
    pop r8
    pop rdx
    pop rcx
    ret
    .seh_endproc
    .endm

    keep_registers_and_call moor_data_enter, moor_data_enter_there   # rcx = bytes; the frame in rax
    # rcx = frame, rdx = bytes. rax is kept too: it may hold the result of the function that returns.
    .p2align 4
    .globl moor_data_leave
    .def moor_data_leave; .scl 2; .type 32; .endef
    .seh_proc moor_data_leave
moor_data_leave:
    push rax
    .seh_stackalloc 8
    push r10
    .seh_stackalloc 8
    sub rsp, 0x68              # home space, two vector registers (the result may lie in one), four others
    .seh_stackalloc 0x68
    .seh_endprologue
    movups [rsp+0x20], xmm0
    movups [rsp+0x30], xmm1
    mov [rsp+0x40], rcx
    mov [rsp+0x48], rdx
    mov [rsp+0x50], r8
    mov [rsp+0x58], r9
    call moor_data_leave_there
    movups xmm0, [rsp+0x20]
    movups xmm1, [rsp+0x30]
    mov rcx, [rsp+0x40]
    mov rdx, [rsp+0x48]
    mov r8, [rsp+0x50]
    mov r9, [rsp+0x58]
    add rsp, 0x68
    pop r10
    pop rax
    ret
    .seh_endproc
