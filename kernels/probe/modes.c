#include "modes.h"

#include <stddef.h>

#include "cmdline.h"
#include "cpu.h"
#include "exit.h"
#include "frames.h"
#include "ivshmem.h"
#include "json.h"
#include "nvdimm.h"
#include "serial.h"
#include "text.h"
#include "watchdog.h"

static uint8_t exit_value = EXIT_SUCCESS;

uint8_t modes_exit_value(void)
{
    return exit_value;
}

static void set_exit(const char *value)
{
    exit_value = (uint8_t)text_number(value);
}

static void end_line(void)
{
    json_open("end");
    json_number("exit", exit_value);
    json_close();
}

static void panic_default(const char *value)
{
    (void)value;
    panic("asked for on the command line");
}

static void panic_hang(const char *value)
{
    (void)value;
    serial_text("PANIC: halting, as asked for on the command line\n");
    halt_for_ever();
}

static void triple(const char *value)
{
    (void)value;
    triple_fault();
}

static void hang(const char *value)
{
    (void)value;
    halt_for_ever();
}

static void ready_hang(const char *value)
{
    json_open("ready");
    json_close();
    hang(value);
}

static void spin(const char *value)
{
    (void)value;
    for (;;)
        cpu_relax();
}

static void orderly_power_off(const char *value)
{
    (void)value;
    end_line();
    power_off();
    panic("the machine did not power off");
}

static void orderly_reboot(const char *value)
{
    (void)value;
    end_line();
    reboot();
}

static void reboot_once(const char *value)
{
    if (nvdimm_first_boot())
        orderly_reboot(value);
}

/* Lines of 80 bytes with their newline, each with its number; the last one is cut to fit. */
static void flood(const char *value)
{
    enum { LINE = 80, DIGITS = 7 };
    uint64_t bytes = text_number(value), line = 0;
    char text[LINE + 1] = "flood ";
    for (size_t i = 6 + DIGITS; i < LINE; i++)
        text[i] = i == 6 + DIGITS ? ' ' : '.';
    text[LINE - 1] = '\n';
    while (bytes) {
        uint64_t number = ++line;
        for (size_t i = 0; i < DIGITS; i++, number /= 10)
            text[5 + DIGITS - i] = (char)('0' + number % 10);
        size_t length = bytes < LINE ? (size_t)bytes : LINE;
        text[length] = 0;
        serial_text(text);
        bytes -= length;
    }
    serial_fresh_line();
    serial_text("flood done\n");
}

static void echo(const char *value)
{
    char line[256], c = 0;
    size_t length = 0;
    (void)value;
    serial_text("echo ready\n");
    for (;;) {
        char before = c;
        c = serial_get();
        if (before == '\r' && c == '\n')
            continue;
        if (c != '\r' && c != '\n') {
            if (length < sizeof line - 1)
                line[length++] = c;
            continue;
        }
        line[length] = 0;
        if (text_equal(line, "quit"))
            return;
        serial_text(line);
        serial_put('\n');
        length = 0;
    }
}

static void watchdog(const char *value)
{
    if (!watchdog_start())
        panic("no i6300esb watchdog");
    json_stage("watchdog");
    spin(value);
}

static void fault(const char *value)
{
    (void)value;
    *(volatile uint64_t *)0xffff900000001000 = 1;
}

static void fill(const char *value)
{
    nvdimm_fill(text_hex(value));
}

static void check(const char *value)
{
    if (!nvdimm_check(text_hex(value)) && exit_value == EXIT_SUCCESS)
        exit_value = EXIT_STORE_MISMATCH;
}

static void meet(const char *value)
{
    if (!ivshmem_meet((unsigned)text_number(value)) && exit_value == EXIT_SUCCESS)
        exit_value = EXIT_PEER_FAILED;
}

static void serve_frames(const char *value)
{
    if (!frames_serve((unsigned)text_number(value)) && exit_value == EXIT_SUCCESS)
        exit_value = EXIT_PEER_FAILED;
}

static void call_frames(const char *value)
{
    (void)value;
    if (!frames_call() && exit_value == EXIT_SUCCESS)
        exit_value = EXIT_PEER_FAILED;
}

static const struct {
    /* Ends with "=" where a value follows. */
    const char *word;
    void (*run)(const char *value);
} modes[] = {
    { "exit=", set_exit },
    { "panic", panic_default },
    { "panic=", panic },
    { "panic-hang", panic_hang },
    { "triple-fault", triple },
    { "hang", hang },
    { "ready-hang", ready_hang },
    { "spin", spin },
    { "poweroff", orderly_power_off },
    { "reboot", orderly_reboot },
    { "reboot-once", reboot_once },
    { "flood=", flood },
    { "echo", echo },
    { "watchdog", watchdog },
    { "fault", fault },
    { "nvdimm-fill=", fill },
    { "store-check=", check },
    { "ivshmem-meet=", meet },
    { "frames-serve=", serve_frames },
    { "frames-call", call_frames },
};

static void run_word(const char *word)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        const char *value = text_after(word, modes[i].word);
        if (value && (value[-1] == '=' || !*value)) {
            modes[i].run(value);
            return;
        }
    }
}

void modes_run(void)
{
    cmdline_each(run_word);
}
