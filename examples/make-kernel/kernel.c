/* A small kernel: it answers words on the first serial port, and ends the machine when it is told to. */

enum { COM1 = 0x3f8, LINE_STATUS = COM1 + 5, DATA_READY = 0x01, CAN_SEND = 0x20, DEBUG_EXIT = 0xf4 };

static void out(unsigned short port, unsigned char value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }

static unsigned char in(unsigned short port) {
  unsigned char value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static void put(char c) {
  while (!(in(LINE_STATUS) & CAN_SEND))
    ;
  out(COM1, c);
}

static void say(const char *text) {
  for (; *text; text++) put(*text);
}

static void say_number(unsigned value) {
  if (value >= 10) say_number(value / 10);
  put('0' + value % 10);
}

/* A line without its end; what does not fit is dropped. */
static char line[80];

static void listen(void) {
  unsigned length = 0;
  for (;;) {
    while (!(in(LINE_STATUS) & DATA_READY))
      ;
    char c = in(COM1);
    if (c == '\r' || c == '\n') break;
    if (length < sizeof line - 1) line[length++] = c;
  }
  line[length] = 0;
}

static int begins(const char *text, const char *with) {
  while (*with)
    if (*text++ != *with++) return 0;
  return 1;
}

static unsigned number(const char **text) {
  unsigned value = 0;
  while (**text == ' ') (*text)++;
  for (; **text >= '0' && **text <= '9'; (*text)++) value = value * 10 + (**text - '0');
  return value;
}

void kernel(void) {
  say("make-kernel is up\n> ");
  for (;;) {
    listen();
    if (begins(line, "ping")) say("pong\n");
    else if (begins(line, "add ")) {
      const char *rest = line + 4;
      unsigned sum = number(&rest);
      say_number(sum + number(&rest));
      say("\n");
    } else if (begins(line, "exit ")) {
      const char *rest = line + 5;
      out(DEBUG_EXIT, number(&rest));
    } else if (line[0]) say("words: ping, add A B, exit N\n");
    say("> ");
  }
}
