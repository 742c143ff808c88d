/*
 * The smallest guest: a BIOS boot sector. It says "bringup bootsector" on COM1, writes 0x10 to the
 * isa-debug-exit port, and halts where that device is missing.
 */
        .set COM1, 0x3f8
        .set DEBUG_EXIT, 0xf4
        .set EXIT_SUCCESS, 0x10

        .code16
        .section .text
        .globl start
start:
        cli
        cld
        ljmp $0, $1f                    /* some firmware enters at 07c0:0000 */
1:      xorw %ax, %ax
        movw %ax, %ds
        movw $text, %si
next:
        lodsb
        testb %al, %al
        jz end
        movb %al, %ah
wait:
        movw $COM1 + 5, %dx
        inb %dx, %al
        testb $0x20, %al                /* room for a byte */
        jz wait
        movb %ah, %al
        movw $COM1, %dx
        outb %al, %dx
        jmp next
end:
        movb $EXIT_SUCCESS, %al
        outb %al, $DEBUG_EXIT
halt:
        hlt
        jmp halt

text:
        .asciz "bringup bootsector\n"

        .org 510
        .word 0xaa55

        .section .note.GNU-stack, "", @progbits
