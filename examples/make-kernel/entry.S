/* The kernel's first bytes: nothing is in .bss of a flat image, so it is cleared here. */
        .code32
        .section .entry, "ax"
        .globl entry
entry:
        movl $bss_begin, %edi
        movl $bss_end, %ecx
        subl %edi, %ecx
        xorl %eax, %eax
        rep stosb
        call kernel
1:      hlt
        jmp 1b
        .section .note.GNU-stack, "", @progbits
