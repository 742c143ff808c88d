/* Loaded into rdmacm-mux before the C library: what it says to syslog(3) goes to standard error. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Repeated without end once the device has gone (contrib/rdmacm-mux/main.c, umad_recv_thread_func). */
static const char fatal[] = "Fatal error while trying to read MAD";
#define MOST_FATAL 10

static void say(const char *format, va_list args)
{
    char line[2048];
    size_t length;
    int written = vsnprintf(line, sizeof(line) - 1, format, args);

    if (written < 0)
        return;
    length = strlen(line);
    if (length == 0 || line[length - 1] != '\n')
        line[length++] = '\n';
    /* One write a line: two threads say something. */
    if (write(STDERR_FILENO, line, length) < 0)
        return;
    if (strncmp(line, fatal, sizeof(fatal) - 1) == 0) {
        static int count;

        if (__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) >= MOST_FATAL)
            _exit(1);
    }
}

void vsyslog(int priority, const char *format, va_list args)
{
    (void)priority;
    say(format, args);
}

void syslog(int priority, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsyslog(priority, format, args);
    va_end(args);
}

/* What the compiler makes of the above with _FORTIFY_SOURCE. */
void __vsyslog_chk(int priority, int flag, const char *format, va_list args)
{
    (void)flag;
    vsyslog(priority, format, args);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list args;

    (void)flag;
    va_start(args, format);
    vsyslog(priority, format, args);
    va_end(args);
}
