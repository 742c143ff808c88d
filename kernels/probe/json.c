#include "json.h"

#include "serial.h"

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

void json_open(const char *type)
{
    serial_text("{\"t\":");
    quoted(type);
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
