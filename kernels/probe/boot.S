/* Entry points (PVH and multiboot), the way to long mode for every CPU, and the interrupt stubs. */

        .set STACK_BYTES, 16384
        .set TRAMPOLINE, 0x8000

        /* PVH: XEN_ELFNOTE_PHYS32_ENTRY (18), xen/interface/elfnote.h. */
        .section .note.pvh, "a", @note
        .long 4, 8, 18
        .asciz "Xen"
        .quad pvh_entry

        .section .boot, "ax"
        .code32
        .globl pvh_entry
pvh_entry:
        cld
        movl %ebx, boot_info
        movl $1, boot_protocol
        jmp enter_long_mode

        .globl multiboot_entry
multiboot_entry:
        cld
        movl %ebx, boot_info
        movl $2, boot_protocol

enter_long_mode:
        movl $boot_stack_top, %esp
        /* Identity map of the first 4 GiB with 2 MiB pages; acpi.c and nvdimm.c map what lies above on demand. */
        movl $page_directories, %edi
        movl $0x83, %eax
1:      movl %eax, (%edi)
        movl $0, 4(%edi)
        addl $8, %edi
        addl $0x200000, %eax
        jnc 1b
        movl $page_directories + 3, %eax
        movl $page_directory_pointers, %edi
        movl $4, %ecx
2:      movl %eax, (%edi)
        addl $4096, %eax
        addl $8, %edi
        loop 2b
        movl $page_directory_pointers + 3, page_map
        call start_paging
        ljmp $0x18, $long_mode

/* Shared by the first CPU and all others: PAE, EFER.LME, CR3, paging, GDT. */
start_paging:
        lgdt gdt_pointer
        movl %cr4, %eax
        orl $0x20, %eax
        movl %eax, %cr4
        movl $page_map, %eax
        movl %eax, %cr3
        movl $0xc0000080, %ecx
        rdmsr
        orl $0x100, %eax
        wrmsr
        movl %cr0, %eax
        andl $0x9fffffff, %eax
        orl $0x80010001, %eax
        movl %eax, %cr0
        ret

        .code64
long_mode:
        movl $0x20, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        movl $boot_stack_top, %esp
        xorl %ebp, %ebp
        call main
1:      cli
        hlt
        jmp 1b

/* Other CPUs start here in real mode, at TRAMPOLINE (start-up IPI vector 8). Copied there by smp.c. */
        .section .rodata
        .globl trampoline, trampoline_end
        .code16
trampoline:
        cli
        xorw %ax, %ax
        movw %ax, %ds
        lgdtl TRAMPOLINE + (trampoline_gdt - trampoline)
        movl %cr0, %eax
        orb $1, %al
        movl %eax, %cr0
        ljmpl $0x08, $ap_protected
        .balign 4
trampoline_gdt:
        .word gdt_end - gdt - 1
        .long gdt
trampoline_end:

        .section .boot, "ax"
        .code32
ap_protected:
        movl $0x10, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        /* A stack of its own for each: the counter hands out numbers from 0. */
        movl $1, %eax
        lock xaddl %eax, ap_number
        movl %eax, %ebx
        incl %eax
        imull $2048, %eax
        leal ap_stacks(%eax), %esp
        call start_paging
        ljmp $0x18, $ap_long_mode
        .code64
ap_long_mode:
        movl $0x20, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        movl %esp, %esp
        call ap_main
1:      cli
        hlt
        jmp 1b

/* Loads and stores that may fault: the fault handler turns them into a false answer (idt.c). */
        .text
        .globl try_load, try_store, try_load_at, try_store_at, try_failed
try_load:                       /* bool try_load(const void *address, u64 *value) */
try_load_at:
        movq (%rdi), %rax
        movq %rax, (%rsi)
        movl $1, %eax
        ret
try_store:                      /* bool try_store(void *address, u64 value) */
try_store_at:
        movq %rsi, (%rdi)
        movl $1, %eax
        ret
try_failed:
        xorl %eax, %eax
        ret

/* One stub a vector; those whose exception pushes no error code push a zero. */
        .altmacro
        .macro STUB vector
        .balign 16
        .if (\vector != 8) && (\vector < 10 || \vector > 14) && (\vector != 17) && (\vector != 21)
        pushq $0
        .endif
        pushq $\vector
        jmp interrupt
        .endm
        .balign 16
        .globl interrupt_stubs
interrupt_stubs:
        .set i, 0
        .rept 65
        STUB %i
        .set i, i + 1
        .endr

interrupt:
        .irp r, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
        pushq %\r
        .endr
        movq %rsp, %rdi
        cld
        call on_interrupt
        .irp r, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax
        popq %\r
        .endr
        addq $16, %rsp
        iretq

        .data
        .balign 8
gdt:    .quad 0
        .quad 0x00cf9a000000ffff        /* 0x08: 32-bit code */
        .quad 0x00cf92000000ffff        /* 0x10: 32-bit data */
        .quad 0x00af9a000000ffff        /* 0x18: 64-bit code */
        .quad 0x00cf92000000ffff        /* 0x20: data */
gdt_end:
gdt_pointer:
        .word gdt_end - gdt - 1
        .long gdt
        .long 0
        .globl boot_info, boot_protocol
        .balign 8
boot_info:      .quad 0
boot_protocol:  .long 0
ap_number:      .long 0

        .bss
        .balign 4096
        .globl page_map, page_directory_pointers
page_map:                .skip 4096
page_directory_pointers: .skip 4096
page_directories:        .skip 4 * 4096
        .skip STACK_BYTES
boot_stack_top:
ap_stacks:               .skip 256 * 2048
        .section .note.GNU-stack, "", @progbits
