/* Says the greeting on COM1, and ends the machine with 16 (all is well) or 17. */
        .code16
        .globl start
start:
        xorw %ax, %ax
        movw %ax, %ds
        cld
        movw $text, %si
1:      lodsb
        testb %al, %al
        jz 3f
        movb %al, %ah
        movw $0x3fd, %dx
2:      inb %dx, %al
        testb $0x20, %al
        jz 2b
        movb %ah, %al
        movw $0x3f8, %dx
        outb %al, %dx
        jmp 1b
#ifdef FAILS
3:      movb $17, %al
#else
3:      movb $16, %al
#endif
        outb %al, $0xf4
4:      hlt
        jmp 4b
text:   .ascii GREETING
        .asciz "\n"
        .org 510
        .word 0xaa55
        .section .note.GNU-stack, "", @progbits
