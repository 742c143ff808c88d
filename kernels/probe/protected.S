/*
 * A CPU without long mode: the rest of this kernel is 64-bit code, so here it ends. As the guest of a trial (`accel` at
 * the begin of the command line) it first does in 32-bit mode what the self test does in long mode: string stores to
 * fresh memory, exceptions, a timer interrupt, a second CPU. i486 instructions only.
 */
#include "boot-layout.h"

#define START_INFO_CMDLINE 24
#define FRESH_MEMORY 0x2000000
#define FILL_BYTES 0x100000
#define PATIENCE 0x20000000
#define VECTOR_TIMER 32
#define APIC 0xfee00000
#define APIC_END_OF_INTERRUPT (APIC + 0xb0)
#define APIC_SPURIOUS (APIC + 0xf0)
#define APIC_COMMAND (APIC + 0x300)
#define APIC_TIMER (APIC + 0x320)
#define APIC_TIMER_COUNT (APIC + 0x380)
#define APIC_TIMER_DIVIDE (APIC + 0x3e0)
#define TO_ALL_OTHERS 0xc0000
#define INIT 0x4500
#define STARTUP 0x4600
#define EXIT_SUCCESS 0x10
#define EXIT_SELFTEST_FAILED 3
#define EXIT_NO_LONG_MODE 7

        .section .text.boot, "ax"
        .code32
        .globl without_long_mode
/* %ebp: 0 for the boot processor, which has a stack. */
without_long_mode:
        testl %ebp, %ebp
        jnz halt
        cmpl $BOOT_BY_PVH, boot_protocol
        jne refuse
        movl boot_info, %ebx
        movl START_INFO_CMDLINE(%ebx), %ebx
        testl %ebx, %ebx
        jz refuse
        cmpl $0x65636361, (%ebx)        /* "acce" */
        jne refuse
        cmpb $'l', 4(%ebx)
        je trial
refuse:
        movl $text_refused, %esi
        call print_stage
        movb $EXIT_NO_LONG_MODE, %al
leave:
        outb %al, $0xf4
halt:   cli
        hlt
        jmp halt

trial:
        movl $stage_rep_stosb, %esi
        call print_stage
        movl $FRESH_MEMORY, %edi
        movl $FILL_BYTES, %ecx
        movb $0x5a, %al
        rep stosb
        movl $failed_rep_stosb, %esi
        movl $FRESH_MEMORY, %edi
1:      cmpl $0x5a5a5a5a, (%edi)
        jne fail
        addl $4, %edi
        cmpl $FRESH_MEMORY + FILL_BYTES, %edi
        jb 1b

        movl $stage_exception, %esi
        call print_stage
        movl $3, %ecx
        movl $on_breakpoint, %eax
        call set_gate
        movl $6, %ecx
        movl $on_invalid_opcode, %eax
        call set_gate
        movl $VECTOR_TIMER, %ecx
        movl $on_timer, %eax
        call set_gate
        lidt idt_pointer
        int3
        ud2
        movl $failed_exception, %esi
        cmpl $0x00010001, exceptions
        jne fail

        movl $stage_timer, %esi
        call print_stage
        movb $0xff, %al                 /* the legacy interrupt controllers would use vectors of exceptions */
        outb %al, $0x21
        outb %al, $0xa1
        movl $0x1ff, APIC_SPURIOUS      /* on; vector 255 */
        movl $0xb, APIC_TIMER_DIVIDE    /* by 1 */
        movl $VECTOR_TIMER, APIC_TIMER
        movl $20000, APIC_TIMER_COUNT
        sti
        movl $PATIENCE, %ecx
1:      cmpl $0, ticks
        jne 2f
        decl %ecx
        jnz 1b
2:      cli
        movl $failed_timer, %esi
        cmpl $1, ticks
        jne fail

        movl $stage_cpu2, %esi
        call print_stage
        movl $TO_ALL_OTHERS | INIT, APIC_COMMAND
        movl $3, %ebx                   /* tries */
3:      movl $TO_ALL_OTHERS | STARTUP | (TRAMPOLINE >> 12), APIC_COMMAND
        movl $PATIENCE / 8, %ecx
4:      cmpl $2, cpu_counter
        jae 5f
        decl %ecx
        jnz 4b
        decl %ebx
        jnz 3b
        movl $failed_cpus, %esi
        jmp fail
5:      movl $text_passed, %esi
        call print_stage
        movb $EXIT_SUCCESS, %al
        jmp leave
fail:
        call print_stage
        movb $EXIT_SELFTEST_FAILED, %al
        jmp leave

/* Interrupt gate number %ecx to %eax. */
set_gate:
        movw %ax, idt(, %ecx, 8)
        movw $SELECTOR_CODE32, idt + 2(, %ecx, 8)
        movw $0x8e00, idt + 4(, %ecx, 8)
        shrl $16, %eax
        movw %ax, idt + 6(, %ecx, 8)
        ret

on_breakpoint:
        incl exceptions
        iret
on_invalid_opcode:
        addl $0x10000, exceptions
        addl $2, (%esp)
        iret
on_timer:
        incl ticks
        movl $0, APIC_END_OF_INTERRUPT
        iret

        .section .rodata.protected, "a"
text_refused:
        .asciz "This kernel needs a 64-bit CPU, and this one has no long mode.\n"
stage_rep_stosb:
        .asciz "{\"t\":\"stage\",\"name\":\"rep-stosb\"}\n"
stage_exception:
        .asciz "{\"t\":\"stage\",\"name\":\"exception\"}\n"
stage_timer:
        .asciz "{\"t\":\"stage\",\"name\":\"timer\"}\n"
stage_cpu2:
        .asciz "{\"t\":\"stage\",\"name\":\"cpu2\"}\n"
failed_rep_stosb:
        .asciz "{\"t\":\"selftest\",\"repStosb\":false}\n{\"t\":\"end\",\"exit\":3}\n"
failed_exception:
        .asciz "{\"t\":\"selftest\",\"exception\":false}\n{\"t\":\"end\",\"exit\":3}\n"
failed_timer:
        .asciz "{\"t\":\"selftest\",\"timer\":false}\n{\"t\":\"end\",\"exit\":3}\n"
failed_cpus:
        .asciz "{\"t\":\"selftest\",\"cpus\":1}\n{\"t\":\"end\",\"exit\":3}\n"
text_passed:
        .ascii "{\"t\":\"selftest\",\"protectedMode\":true,\"repStosb\":true,\"exception\":true,\"timer\":true,\"cpus\":2}\n"
        .asciz "{\"t\":\"end\",\"exit\":16}\n"
        .balign 4
idt_pointer:
        .word (VECTOR_TIMER + 1) * 8 - 1
        .long idt

        .section .bss.protected, "aw", @nobits
        .balign 8
idt:
        .skip (VECTOR_TIMER + 1) * 8
exceptions:
        .skip 4
ticks:
        .skip 4

        .section .note.GNU-stack, "", @progbits
