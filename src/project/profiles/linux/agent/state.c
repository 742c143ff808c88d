/*
 * A restored guest has the clock and the random numbers of the time at which it was saved. The host sends the time and
 * entropy; writing to /dev/urandom alone would not reseed at once (random(4)).
 */
#include "agent.h"

enum { RNDADDENTROPY = 0x40085203, RNDRESEEDCRNG = 0x5207, GRND_NONBLOCK = 1, GRND_INSECURE = 4, MOST_ENTROPY = 64 };

/* Differs from boot to boot. */
static struct { u8 nonce[16]; u32 resumed; } identity;

static void name_boot(void) {
  static int is_named;
  if (is_named) return;
  is_named = 1;
  /* Kernels before 5.6 do not know GRND_INSECURE. */
  if (sys(SYS_getrandom, identity.nonce, sizeof identity.nonce, GRND_INSECURE, 0) < 0)
    sys(SYS_getrandom, identity.nonce, sizeof identity.nonce, GRND_NONBLOCK, 0);
  u32 low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  for (int i = 0; i < 4; i++) {
    identity.nonce[i] ^= low >> (8 * i);
    identity.nonce[4 + i] ^= high >> (8 * i);
  }
}

/* The kernel draws the same numbers in all forks until it reseeds, so it reseeds now and not soon after the save. */
static void reseed_before_save(void) {
  int fd = sys_open("/dev/urandom", O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return;
  sys(SYS_ioctl, fd, RNDRESEEDCRNG, 0, 0);
  sys_close(fd);
}

static i64 reseed(const u8 *entropy, u32 size) {
  struct { int bits, bytes; u8 buffer[MOST_ENTROPY]; } pool = { 0 };
  if (size > MOST_ENTROPY) size = MOST_ENTROPY;
  pool.bits = 8 * size;
  pool.bytes = size;
  memcpy(pool.buffer, entropy, size);
  int fd = sys_open("/dev/urandom", O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  i64 error = sys(SYS_ioctl, fd, RNDADDENTROPY, &pool, 0);
  if (error >= 0) error = sys(SYS_ioctl, fd, RNDRESEEDCRNG, 0, 0);
  sys_close(fd);
  return error;
}

/*
 * Payload: empty to ask for the boot, two bytes to ask because the guest will be saved; else seconds and nanoseconds (u64)
 * since 1970 and entropy at a restore, or one byte then to keep both; the time alone sets the clock once more.
 */
void resume_state(u8 id, const u8 *payload, u32 size) {
  enum { WILL_BE_SAVED = 2, TIME = 16 };
  static u8 frame[HEADER + sizeof identity];
  i64 error = 0;
  name_boot();
  if (size == WILL_BE_SAVED) reseed_before_save();
  else if (size > 0 && size != TIME) identity.resumed++;
  if (size >= TIME) {
    u64 time[2];
    memcpy(time, payload, TIME);
    error = sys(SYS_clock_settime, 0, time, 0, 0);
  }
  if (size > TIME && error >= 0) error = reseed(payload + TIME, size - TIME);
  memcpy(frame + HEADER, &identity, sizeof identity);
  channel_send('O', id, frame, sizeof identity);
  channel_send_pair('X', id, 0, error < 0 ? -error : 0);
}
