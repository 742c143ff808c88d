/*
 * From the loader's 32-bit entry to C in long mode, for the boot processor and for every other CPU.
 *
 * There is one road up: the trampoline (real mode), protected_entry (protected mode), long_entry (long mode).
 * Other CPUs come in at the trampoline by SIPI. The boot processor, which a loader hands over in protected
 * mode (EFI: in long mode), first goes down to real mode and then takes the same road: so an accelerator that
 * cannot do one of these modes is seen at once. Each step says on COM1 what comes next.
 */
#include "boot-layout.h"

/* PVH: "the kernel may be entered in 32-bit protected mode at this address". */
        .section .note.pvh, "a", @note
        .balign 4
        .long 4                         /* bytes of the name */
        .long 8                         /* bytes of the description */
        .long 18                        /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz "Xen"
        .quad pvh_entry

/* Multiboot 1: magic, "give me a memory map", checksum. Address fields are not needed in an ELF. */
        .section .multiboot, "a"
        .balign 4
        .long 0x1badb002
        .long 0x00000002
        .long -(0x1badb002 + 0x00000002)

        .section .text.boot, "ax"
        .code32
        .globl pvh_entry, multiboot_entry, print_stage
multiboot_entry:
        movl $BOOT_BY_MULTIBOOT, boot_protocol
        jmp 1f
pvh_entry:
        movl $BOOT_BY_PVH, boot_protocol
1:      movl %ebx, boot_info
from_protected:
        cli
        cld
        movl $boot_stack_top, %esp
        movl $stage_real, %esi
        call print_stage

        call fill_boot_tables
        movl $TRAMPOLINE, %esi          /* the loader may keep its tables there: C puts the page back */
        movl $low_page_copy, %edi
        movl $TRAMPOLINE_BYTES / 4, %ecx
        rep movsl
        movl $trampoline_start, %esi
        movl $TRAMPOLINE, %edi
        movl $(trampoline_end - trampoline_start + 3) / 4, %ecx
        rep movsl
        lgdtl gdt_pointer
        ljmp $SELECTOR_CODE16, $(leave_protected - trampoline_start)

/* Identity map of the first 4 GiB: RAM below the hole, MMIO, APICs and firmware. C maps more on demand. */
fill_boot_tables:
        movl $boot_pdpt + 3, boot_pml4
        movl $boot_page_directories + 3, %eax
        movl $boot_pdpt, %edi
1:      movl %eax, (%edi)
        addl $0x1000, %eax
        addl $8, %edi
        cmpl $boot_pdpt + 4 * 8, %edi
        jb 1b
        movl $0x83, %eax                /* present, writable, 2 MiB */
        movl $boot_page_directories, %edi
1:      movl %eax, (%edi)
        addl $8, %edi
        addl $0x200000, %eax
        jnc 1b
        ret

/* Prints the text at %esi. No `rep`: this must work where an accelerator gets string instructions wrong. */
print_stage:
1:      lodsb
        testb %al, %al
        jz 3f
        movb %al, %ah
        movl $0x10000, %ecx
        movw $COM1 + 5, %dx
2:      inb %dx, %al
        testb $0x20, %al                /* room for a byte */
        loopz 2b
        movb %ah, %al
        movw $COM1, %dx
        outb %al, %dx
        jmp 1b
3:      ret

/* Every CPU is in protected mode here, without a stack of its own yet. */
protected_entry:
        movw $SELECTOR_DATA, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw %ax, %fs
        movw %ax, %gs
        movl $1, %eax
        lock xaddl %eax, cpu_counter
        movl %eax, %ebp                 /* 0: the boot processor; others in order of arrival */
        cmpl $MAX_CPUS, %ebp
        jae too_many
        testl %ebp, %ebp
        jnz 1f
        movl $boot_stack_top, %esp
1:      movl $0x80000000, %eax          /* CPUs without such leaves answer with another one, a smaller number */
        cpuid
        cmpl $0x80000001, %eax
        jb without_long_mode
        movl $0x80000001, %eax
        cpuid
        testl $1 << 29, %edx            /* long mode */
        jz without_long_mode
        testl %ebp, %ebp
        jnz 1f
        movl $stage_long_mode, %esi
        call print_stage
1:      movl %cr4, %eax
        orl $0x20, %eax                 /* PAE */
        movl %eax, %cr4
        movl $boot_pml4, %eax
        movl %eax, %cr3
        movl $0xc0000080, %ecx          /* EFER */
        rdmsr
        orl $0x100, %eax                /* LME */
        wrmsr
        movl %cr0, %eax
        andl $~0x60000000, %eax         /* caches on: a CPU starts with CD and NW set */
        orl $0x80010001, %eax           /* PG, WP, PE */
        movl %eax, %cr0
        ljmp $SELECTOR_CODE64, $long_entry
too_many:
        cli
        hlt
        jmp too_many

        .code64
        .globl efi_leave
/* From the firmware's long mode, once boot services are over, down to where the other loaders begin. */
efi_leave:
        cli
        lgdt gdt_pointer
        movl $boot_stack_top, %esp
        pushq $SELECTOR_CODE32
        pushq $1f
        lretq
        .code32
1:      movw $SELECTOR_DATA, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movl %cr0, %eax
        andl $0x7fffffff, %eax          /* PG */
        movl %eax, %cr0
        movl $0xc0000080, %ecx          /* EFER */
        xorl %eax, %eax
        xorl %edx, %edx
        wrmsr
        movl %eax, %cr4
        jmp from_protected

        .code64
long_entry:
        movl %ebp, %edi
        testl %ebp, %ebp
        jnz 1f
        movl $boot_stack_top, %esp
        xorl %ebp, %ebp
        call probe_main
1:      leal 1(%rbp), %eax              /* a stack ends where the next begins */
        imull $CPU_STACK_BYTES, %eax, %eax
        leaq cpu_stacks(%rax), %rsp
        xorl %ebp, %ebp
        call smp_cpu_main
        ud2

/* Copied to TRAMPOLINE; runs with its start at offset 0 of the code segment, so labels are relative to it. */
        .section .rodata.trampoline, "a"
        .code16
        .globl trampoline_start, trampoline_end
trampoline_start:
        cli
        cld
        movw %cs, %ax
        movw %ax, %ds
        lgdtl gdt_pointer - trampoline_start
        movl %cr0, %eax
        orb $1, %al
        movl %eax, %cr0
        ljmpl $SELECTOR_CODE32, $protected_entry
/* The boot processor's way down: 16-bit protected mode, then real mode, then as above. */
leave_protected:
        movw $SELECTOR_DATA16, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movl %cr0, %eax
        andb $~1, %al
        movl %eax, %cr0
        ljmp $TRAMPOLINE >> 4, $0
        .balign 4
        .globl gdt_pointer
gdt_pointer:
        .word gdt_end - gdt - 1
        .quad gdt                       /* long mode reads eight bytes, the others four */
        .balign 4
trampoline_end:

        .section .data.boot, "aw"
        .balign 8
gdt:
        .quad 0
        .quad 0x00af9b000000ffff        /* 0x08: 64-bit code */
        .quad 0x00cf93000000ffff        /* 0x10: data, 4 GiB */
        .quad 0x00cf9b000000ffff        /* 0x18: 32-bit code, 4 GiB */
        .quad 0x00009b000000ffff | (TRAMPOLINE << 16)   /* 0x20: 16-bit code at TRAMPOLINE */
        .quad 0x000093000000ffff        /* 0x28: 16-bit data, real-mode limits */
gdt_end:
        .globl boot_protocol, boot_info, cpu_counter
boot_protocol:
        .long 0
boot_info:
        .quad 0
cpu_counter:
        .long 0

stage_real:
        .asciz "{\"t\":\"stage\",\"name\":\"real\"}\n"
stage_long_mode:
        .asciz "{\"t\":\"stage\",\"name\":\"long-mode\"}\n"

        .section .bss.boot, "aw", @nobits
        .balign 4096
        .globl boot_pml4, low_page_copy
boot_pml4:
        .skip 4096
boot_pdpt:
        .skip 4096
boot_page_directories:
        .skip 4 * 4096
low_page_copy:
        .skip TRAMPOLINE_BYTES
        .skip BOOT_STACK_BYTES
boot_stack_top:
cpu_stacks:
        .skip MAX_CPUS * CPU_STACK_BYTES

        .section .note.GNU-stack, "", @progbits
