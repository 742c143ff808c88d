/* Multiboot 1 header, linked only into probe-multiboot.elf: QEMU prefers multiboot wherever it finds the header. */
        .section .multiboot, "a"
        .balign 4
        .long 0x1badb002
        .long 0x2                       /* memory map wanted */
        .long -(0x1badb002 + 0x2)
        .section .note.GNU-stack, "", @progbits
