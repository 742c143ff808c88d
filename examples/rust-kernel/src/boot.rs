//! From the PVH entry (32 bits, no paging) to Rust (64 bits, the first GiB mapped as it is).
//!
//! Source: Xen's `docs/misc/pvh.pandoc`, which QEMU follows for an ELF with this note.

use core::arch::global_asm;

global_asm!(
    r#"
        .section .note.pvh, "a", @note
        .balign 4
        .long 4, 4, 18                  /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz "Xen"
        .long entry

        .section .boot, "ax", @progbits
        .code32
        .globl entry
entry:
        movl $stack_end, %esp
        movl $level3, %eax              /* level 4 -> level 3 -> 512 pages of 2 MiB */
        orl $3, %eax
        movl %eax, level4
        movl $level2, %eax
        orl $3, %eax
        movl %eax, level3
        xorl %ecx, %ecx
1:      movl %ecx, %eax
        shll $21, %eax
        orl $0x83, %eax
        movl %eax, level2(,%ecx,8)
        incl %ecx
        cmpl $512, %ecx
        jne 1b
        movl $level4, %eax
        movl %eax, %cr3
        movl %cr4, %eax                 /* PAE; SSE, which compiled `core` uses */
        orl $0x620, %eax
        movl %eax, %cr4
        movl $0xc0000080, %ecx          /* EFER: long mode */
        rdmsr
        orl $0x100, %eax
        wrmsr
        movl %cr0, %eax
        andl $~4, %eax                  /* no emulation of the FPU */
        orl $0x80000003, %eax
        movl %eax, %cr0
        lgdt gdt_pointer
        ljmpl $8, $2f
        .code64
2:      movw $16, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        call kernel
3:      hlt
        jmp 3b

        .balign 8
gdt:    .quad 0
        .quad 0x00209a0000000000        /* code, 64 bits */
        .quad 0x0000920000000000        /* data */
gdt_pointer:
        .word gdt_pointer - gdt - 1
        .quad gdt

        .section .bss
        .balign 4096
level4: .skip 4096
level3: .skip 4096
level2: .skip 4096
        .skip 65536
stack_end:
        .text
    "#,
    options(att_syntax)
);
