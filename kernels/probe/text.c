/* The few functions on memory and text that a freestanding kernel has to bring along. */
#include "probe.h"

void *memset(void *to, int byte, size_t length)
{
	void *at = to;
	__asm__ volatile("rep stosb" : "+D"(at), "+c"(length) : "a"(byte) : "memory");
	return to;
}

void *memcpy(void *to, const void *from, size_t length)
{
	void *at = to;
	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(length) : : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t length)
{
	const u8 *x = a, *y = b;
	for (size_t i = 0; i < length; i++)
		if (x[i] != y[i])
			return x[i] - y[i];
	return 0;
}

size_t strlen(const char *text)
{
	size_t n = 0;
	while (text[n])
		n++;
	return n;
}

bool starts_with(const char *text, const char *prefix)
{
	while (*prefix)
		if (*text++ != *prefix++)
			return false;
	return true;
}

const char *word(const char *name)
{
	size_t length = strlen(name);
	for (const char *p = command_line; *p;) {
		while (*p == ' ')
			p++;
		if (starts_with(p, name)) {
			if (p[length] == '=')
				return p + length + 1;
			if (p[length] == ' ' || p[length] == 0)
				return "";
		}
		while (*p && *p != ' ')
			p++;
	}
	return NULL;
}

u64 number(const char *p)
{
	u64 value = 0;
	u32 base = 10;
	if (starts_with(p, "0x")) {
		base = 16;
		p += 2;
	}
	for (;; p++) {
		u32 digit = *p >= '0' && *p <= '9' ? (u32)(*p - '0') : (*p | 32) >= 'a' && (*p | 32) <= 'f' ? (u32)((*p | 32) - 'a' + 10) : 99;
		if (digit >= base)
			break;
		value = value * base + digit;
	}
	char suffix = *p | 32;
	return value << (suffix == 'k' ? 10 : suffix == 'm' ? 20 : suffix == 'g' ? 30 : 0);
}
