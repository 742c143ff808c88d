/*
 * Head of probe.efi: a PE32+ image of one section, written by hand because the rest is the same kernel as in
 * the other images. It has no relocations and says so: firmware then loads it at the address it is linked for.
 * Microsoft PE Format; UEFI Specification 2.9, 2.1.1.
 */
        .section .pe, "a"
        .ascii "MZ"
        .skip 0x3c - 2
        .long 0x40                      /* where the PE header begins */
        .ascii "PE\0\0"
        .word 0x8664                    /* x86-64 */
        .word 1                         /* sections */
        .long 0                         /* no time stamp: the same bytes on each build */
        .long 0, 0                      /* symbols */
        .word optional_header_end - optional_header
        .word 0x0223                    /* no relocations, executable, no debug information, large addresses */
optional_header:
        .word 0x20b                     /* PE32+ */
        .byte 0, 0
        .long pe_file_bytes             /* code */
        .long 0, 0                      /* initialized, uninitialized data */
        .long pe_entry
        .long pe_header_bytes           /* start of code */
        .quad pe_base
        .long 4096, 512                 /* alignment in memory, in the file */
        .word 0, 0, 0, 0, 0, 0
        .long 0
        .long pe_image_bytes
        .long pe_header_bytes
        .long 0                         /* checksum */
        .word 10                        /* EFI application */
        .word 0
        .quad 0, 0, 0, 0                /* stack, heap: not used in EFI */
        .long 0
        .long 6                         /* data directories, all empty */
        .quad 0, 0, 0, 0, 0, 0
optional_header_end:
        .ascii "kernel\0\0"
        .long pe_section_bytes          /* in memory */
        .long pe_header_bytes           /* where in memory */
        .long pe_file_bytes             /* in the file: the rest is zeros */
        .long pe_header_bytes           /* where in the file */
        .long 0, 0
        .word 0, 0
        .long 0xe0000060                /* code and data; read, write, execute */

        .section .note.GNU-stack, "", @progbits
