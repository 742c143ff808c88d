#include "json.h"

#include "serial.h"
#include "text.h"

static void quoted(const char *text)
{
    serial_put('"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            serial_put('\\');
            serial_put((char)c);
        } else if (c < 0x20 || c == 0x7f) {
            serial_text("\\u00");
            serial_hex(c, 2);
        } else {
            serial_put((char)c);
        }
    }
    serial_put('"');
}

static void key(const char *name)
{
    serial_put(',');
    quoted(name);
    serial_put(':');
}

/* Lines since json_count_from_here(), by type, in the order in which the types first came. */
static struct {
    const char *type;
    uint64_t lines;
} counts[32];
static size_t count_used;

void json_count_from_here(void)
{
    count_used = 0;
}

static void count(const char *type)
{
    for (size_t i = 0; i < count_used; i++)
        if (text_equal(counts[i].type, type)) {
            counts[i].lines++;
            return;
        }
    if (count_used == sizeof counts / sizeof *counts)
        return;
    counts[count_used].type = type;
    counts[count_used++].lines = 1;
}

void json_open(const char *type)
{
    count(type);
    serial_text("{\"t\":");
    quoted(type);
}

void json_counts(void)
{
    size_t used = count_used;
    json_open("report");
    for (size_t i = 0; i < used; i++)
        json_number(counts[i].type, counts[i].lines);
    json_close();
}

void json_close(void)
{
    serial_text("}\n");
}

void json_number(const char *name, uint64_t value)
{
    key(name);
    serial_number(value);
}

void json_bool(const char *name, bool value)
{
    key(name);
    serial_text(value ? "true" : "false");
}

void json_null(const char *name)
{
    key(name);
    serial_text("null");
}

void json_string(const char *name, const char *value)
{
    key(name);
    quoted(value);
}

void json_hex(const char *name, uint64_t value, unsigned digits)
{
    key(name);
    serial_put('"');
    serial_hex(value, digits);
    serial_put('"');
}

void json_stage(const char *name)
{
    json_open("stage");
    json_string("name", name);
    json_close();
}
