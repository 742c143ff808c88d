/* Program entry and the C functions declared in sys.h. */
#include "sys.h"

__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  and $-16, %rsp\n  call agent_main\n  hlt\n");

void *memcpy(void *to, const void *from, size_t n) {
  void *start = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
  return start;
}

void *memset(void *to, int value, size_t n) {
  void *start = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
  return start;
}

int memcmp(const void *a, const void *b, size_t n) {
  const u8 *x = a, *y = b;
  for (size_t i = 0; i < n; i++) if (x[i] != y[i]) return x[i] - y[i];
  return 0;
}

size_t strlen(const char *text) {
  size_t n = 0;
  while (text[n]) n++;
  return n;
}

int same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

char *put(char *at, const char *text) {
  while (*text) *at++ = *text++;
  *at = 0;
  return at;
}

char *put_number(char *at, u64 value) {
  char digits[20];
  int n = 0;
  do digits[n++] = '0' + value % 10; while (value /= 10);
  while (n) *at++ = digits[--n];
  *at = 0;
  return at;
}
