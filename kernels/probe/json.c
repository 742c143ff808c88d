/* JSON lines, put together in a buffer and written a line at a time. */
#include "probe.h"

static char line[8192];
static size_t used;

static void put(char c)
{
	if (used < sizeof line - 4)
		line[used++] = c;
}

static void puts_raw(const char *text)
{
	while (*text)
		put(*text++);
}

static void quoted(const char *text)
{
	static const char hex[] = "0123456789abcdef";
	put('"');
	for (; *text; text++) {
		u8 c = (u8)*text;
		if (c == '"' || c == '\\') {
			put('\\');
			put((char)c);
		} else if (c < 32 || c > 126) {
			puts_raw("\\u00");
			put(hex[c >> 4]);
			put(hex[c & 15]);
		} else
			put((char)c);
	}
	put('"');
}

static void key(const char *name)
{
	put(',');
	quoted(name);
	put(':');
}

void json_begin(const char *type)
{
	used = 0;
	puts_raw("{\"t\":");
	quoted(type);
}

void json_number(const char *name, u64 value)
{
	char digits[20];
	int at = 20;
	key(name);
	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	while (at < 20)
		put(digits[at++]);
}

void json_text(const char *name, const char *value)
{
	key(name);
	quoted(value);
}

void json_hex(const char *name, u32 value, int digits)
{
	char text[9];
	text[digits] = 0;
	for (int i = digits - 1; i >= 0; i--, value >>= 4)
		text[i] = "0123456789abcdef"[value & 15];
	json_text(name, text);
}

void json_bool(const char *name, bool value)
{
	key(name);
	puts_raw(value ? "true" : "false");
}

void json_null(const char *name)
{
	key(name);
	puts_raw("null");
}

void json_end(void)
{
	put('}');
	put('\n');
	serial_write(line, used);
}
