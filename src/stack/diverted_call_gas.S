# Calls from code with stack checks to code without (law 6): the function runs on the system stack. The compiler's
# plugin (src/compiler/divert_calls.cpp) leads such calls through here:
#
#   r10 = the function; everything else as the function expects it, arguments in registers and on the stack.
#   moor_divert_N passes N arguments on the stack on.
#
# On a stack that does not move, and on threads that run no coroutine, the function is called right there. Else the TEB
# gets the fields of the system stack, as system_stack::call does it, and two frames are made: one that stays on the
# coroutine's stack and finds it again through rbp, and one on the thread's own. The second is there for exceptions:
# handlers are only asked for frames that lie on the stack that the TEB describes. It catches what leaves the function;
# the first throws it again, as if the caller had called a function that throws at once.
#
# Preemption (law 4) may come at any instruction: until `away` is false nothing of the thread has been changed, and
# a coroutine that was preempted goes on on the same thread; afterwards the monitor refuses.
    .intel_syntax noprefix

    .set check_limit, 0x28     # win::teb::field
    .set stack_base, 0x08
    .set stack_limit, 0x10
    .set deallocation_stack, 0x1478
    .set expansion_slots, 0x1780
    .set own_left_at, 0        # of system_stack; diverted_call.cpp compares
    .set own_base, 8
    .set own_limit, 16
    .set own_deallocation, 24
    .set own_away, 56

    .text

# What follows .seh_handlerdata: all that a call between \first and \last throws is caught at \pad.
    .macro catch_all begin, first, last, pad
    .byte 255                  # landing pads count from the function's beginning
    .byte 0                    # types are addresses
    .uleb128 92f-91f
91: .byte 1                    # calls are listed in uleb128
    .uleb128 94f-93f
93: .uleb128 \first-\begin
    .uleb128 \last-\first
    .uleb128 \pad-\begin
    .byte 1                    # the first action
94: .byte 1, 0                 # catches the type below, and there is no other
    .p2align 2
    .quad 0                    # any type
92:
    .endm

    .macro divert name, copies, call, frame
# \name: on the coroutine's stack.
    .p2align 4
\name:
    cmp qword ptr gs:[check_limit], 0
    je 9f                      # this stack does not move
    mov r11d, dword ptr [rip + _ZN4moor3win11thread_slot7offset_E]
    test r11d, r11d
    jz 8f
    mov r11, gs:[r11]
7:  test r11, r11              # null: the system uses the field for a moment when a thread loads a DLL
    jz 9f
    .seh_proc \name\()_away
\name\()_away:
    push rbp
    .seh_pushreg rbp
    mov rbp, rsp
    .seh_setframe rbp, 0
    .seh_endprologue
    .if \copies
    push rax                   # -8: bytes of the arguments on the stack
    .else
    push r11
    .endif
    push r11                   # -16
    push qword ptr gs:[check_limit]        # -24
    push qword ptr gs:[deallocation_stack] # -32
    push qword ptr gs:[stack_base]         # -40
    push qword ptr gs:[stack_limit]        # -48; last, for a push may have had the kernel move it
    mov byte ptr [r11 + own_away], 0
    mov qword ptr gs:[check_limit], 0
    mov rax, [r11 + own_base]
    mov gs:[stack_base], rax
    mov rax, [r11 + own_limit]
    mov gs:[stack_limit], rax
    mov rax, [r11 + own_deallocation]
    mov gs:[deallocation_stack], rax
    mov rsp, [r11 + own_left_at]
    and rsp, -16               # a suspended context is only known to be 8-byte aligned
    call \call
    come_back
    lea rsp, [rbp]             # the form that the unwinder takes for an epilogue
    pop rbp
    ret
\name\()_throw:                # rax: the exception
    come_back
    lea rsp, [rbp]
    pop rbp
    jmp moor_forward_exception
    .seh_endproc
8:  mov r11d, dword ptr [rip + _ZN4moor3win11thread_slot6index_E]
    lea r11, [r11*8 - 64*8]    # the TEB itself has 64 slots
    add r11, gs:[expansion_slots]
    mov r11, [r11]
    jmp 7b
9:  jmp r10
    .endm

# Gives the TEB the coroutine's stack again; keeps results.
    .macro come_back
    mov r11, [rbp - 16]
    mov rcx, gs:[stack_limit]  # the kernel moves it as the system stack grows
    mov [r11 + own_limit], rcx
    mov rcx, [rbp - 24]
    mov gs:[check_limit], rcx
    mov rcx, [rbp - 32]
    mov gs:[deallocation_stack], rcx
    mov rcx, [rbp - 40]
    mov gs:[stack_base], rcx
    mov rcx, [rbp - 48]
    mov gs:[stack_limit], rcx
    mov byte ptr [r11 + own_away], 1
    .endm

# ---- No argument on the stack -----------------------------------------------------------------------------------------
    .globl moor_divert_0
    .def moor_divert_0; .scl 2; .type 32; .endef
    divert moor_divert_0, 0, moor_diverted_0

    .p2align 4
    .seh_proc moor_diverted_0
    .seh_handler __gxx_personality_seh0, @unwind, @except
moor_diverted_0:               # on the thread's system stack
    sub rsp, 40                # home space, and alignment
    .seh_stackalloc 40
    .seh_endprologue
20: call r10
21: nop
    add rsp, 40
    ret
22: mov rcx, rax
    call moor_take_exception
    lea rsp, [rsp + 48]        # past the return address, too
    jmp moor_divert_0_throw
    .seh_handlerdata
    catch_all moor_diverted_0, 20b, 21b, 22b
    .text
    .seh_endproc

# ---- Some -------------------------------------------------------------------------------------------------------------
    divert moor_divert_some, 1, moor_diverted_some

    .p2align 4
    .seh_proc moor_diverted_some
    .seh_handler __gxx_personality_seh0, @unwind, @except
moor_diverted_some:
    push rbx
    .seh_pushreg rbx
    mov rbx, rsp
    .seh_setframe rbx, 0
    .seh_endprologue
    mov r11, [rbp - 40]        # the coroutine's base: there is nothing above it
    lea rax, [rbp + 16 + 32]   # where the arguments are
    sub r11, rax
    mov rax, [rbp - 8]         # how many bytes there are at most; copying too many does no harm
    cmp r11, rax
    cmova r11, rax
    sub rsp, rax
    and rsp, -16
    sub rsp, 32                # home space
30: sub r11, 8                 # the first of them last
    jb 31f
    mov rax, [rbp + r11 + 16 + 32]
    mov [rsp + r11 + 32], rax
    jmp 30b
31: call r10
32: nop
    lea rsp, [rbx]
    pop rbx
    ret
33: mov rcx, rax
    call moor_take_exception
    mov rsp, rbx
    pop rbx
    jmp moor_divert_some_throw
    .seh_handlerdata
    catch_all moor_diverted_some, 31b, 32b, 33b
    .text
    .seh_endproc

    .macro divert_with count
    .globl moor_divert_\count
    .def moor_divert_\count; .scl 2; .type 32; .endef
moor_divert_\count:
    mov eax, 8*\count
    jmp moor_divert_some
    .endm
    .irp count, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 32, 64, 128, 256
    divert_with \count
    .endr

# ---- Exceptions -------------------------------------------------------------------------------------------------------
# rax = the exception (_Unwind_Exception*), the stack as at the entry of the function that threw it. As for a throw, there has
# to be room first (room_before_calls_gas.S).
    .p2align 4
moor_forward_exception:
    mov rcx, rax
    lea rax, [rsp-16384]
    cmp rax, gs:[check_limit]
    ja 1f
    mov r10d, 16384
    mov r11d, 0x7ffffff1       # saved_registers::for_throw
    call __morestack
    ret                        # skipped
1:  jmp moor_throw_again
