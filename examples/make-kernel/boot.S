/*
 * Boot sector: loads the kernel that lies behind it on the disk to 1000:0000, enters protected mode, and jumps there.
 * KERNEL_SECTORS comes from the Makefile, which knows how large the kernel is.
 */
        .set KERNEL, 0x10000
        .set STACK, 0x7c00
        .set SECTORS_AT_ONCE, 32        /* 16 KiB: no transfer crosses a 64 KiB boundary */

        .code16
        .section .text
        .globl start
start:
        cli
        cld
        ljmp $0, $1f                    /* some firmware enters at 07c0:0000 */
1:      xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $STACK, %sp
        movb %dl, drive

load:   movw left, %ax
        testw %ax, %ax
        jz enter
        cmpw $SECTORS_AT_ONCE, %ax
        jbe 2f
        movw $SECTORS_AT_ONCE, %ax
2:      movw %ax, count
        movw $packet, %si
        movb $0x42, %ah                 /* INT 13h extensions: read by LBA */
        movb drive, %dl
        int $0x13
        jc fail
        movw count, %ax
        subw %ax, left
        addw %ax, lba
        shlw $5, %ax                    /* sectors to paragraphs of 16 bytes */
        addw %ax, segment
        jmp load

fail:   movb $2, %al                    /* QEMU ends with (2 << 1) | 1 */
        outb %al, $0xf4
        hlt
        jmp fail

enter:  inb $0x92, %al                  /* A20, so that odd MiB are memory too */
        orb $2, %al
        andb $0xfe, %al
        outb %al, $0x92
        lgdt gdt_pointer
        movl %cr0, %eax
        orl $1, %eax
        movl %eax, %cr0
        ljmpl $8, $protected

        .code32
protected:
        movw $16, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movl $STACK, %esp
        movl $KERNEL, %eax
        jmp *%eax

        .balign 8
gdt:    .quad 0
        .quad 0x00cf9a000000ffff        /* code: 4 GiB, 32 bits */
        .quad 0x00cf92000000ffff        /* data */
gdt_pointer:
        .word gdt_pointer - gdt - 1
        .long gdt

        .balign 4
packet: .byte 16, 0
count:  .word 0
        .word 0                         /* offset */
segment:
        .word KERNEL >> 4
lba:    .quad 1
left:   .word KERNEL_SECTORS
drive:  .byte 0

        .org 510
        .word 0xaa55
        .section .note.GNU-stack, "", @progbits
