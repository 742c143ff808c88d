/* Entry of every interrupt vector: 32 exceptions, the timer, spurious interrupts, and those of devices. */
        .section .text
        .code64

        .macro vector number
vector_\number:
        /* Exceptions 8, 10-14, 17, 21, 29 and 30 (the bits) push an error code; the others get a zero. */
        .if \number > 31
        pushq $0
        .elseif !((0x60227d00 >> \number) & 1)
        pushq $0
        .endif
        pushq $\number
        jmp vector_common
        .endm

        .altmacro
        .set i, 0
        .rept 256
        vector %i
        .set i, i + 1
        .endr

/* Builds the struct interrupt_frame of idt.h. */
vector_common:
        pushq %rax
        pushq %rcx
        pushq %rdx
        pushq %rsi
        pushq %rdi
        pushq %r8
        pushq %r9
        pushq %r10
        pushq %r11
        pushq %rbx
        pushq %rbp
        movq %rsp, %rdi
        movq %rsp, %rbp
        andq $~15, %rsp
        cld
        call interrupt
        movq %rbp, %rsp
        popq %rbp
        popq %rbx
        popq %r11
        popq %r10
        popq %r9
        popq %r8
        popq %rdi
        popq %rsi
        popq %rdx
        popq %rcx
        popq %rax
        addq $16, %rsp
        iretq

        .section .rodata
        .balign 8
        .globl vector_table
        .macro vector_address number
        .quad vector_\number
        .endm
vector_table:
        .set i, 0
        .rept 256
        vector_address %i
        .set i, i + 1
        .endr

        .section .note.GNU-stack, "", @progbits
