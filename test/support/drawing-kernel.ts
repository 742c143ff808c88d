/** For tests: compiles the kernel that draws on the screen in the way that its command line names. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCES = fileURLToPath(new URL('../fixtures/screens/', import.meta.url))
const WORDS = `-m32 -O1 -ffreestanding -fno-pie -no-pie -fno-stack-protector -nostdlib -static -Wall -Wextra -Werror
  -Wl,-Ttext=0x100000 -Wl,-N -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,noexecstack`

export function buildDrawingKernel(to: string): void {
  const sources = ['boot.S', 'draw.c'].map((name) => join(SOURCES, name))
  execFileSync('gcc', [...WORDS.split(/\s+/), '-o', to, ...sources])
}

const SECTOR = 512

/** A disk whose boot sector shows `Press a key. ` and then one of the texts, on sectors of their own, for each key. */
export function buildReadingDisk(to: string, texts: readonly string[]): void {
  const words = ['-m32', '-nostdlib', '-static', '-fno-pie', '-no-pie', '-Wl,--build-id=none']
  const flat = ['-Wl,-Ttext=0x7c00', '-Wl,--oformat=binary', '-Wl,-N', '-Wl,-z,noexecstack']
  execFileSync('gcc', [...words, ...flat, '-o', to, join(SOURCES, 'disk.S')])
  const image = Buffer.alloc(1024 * 1024)
  readFileSync(to).copy(image)
  for (const [i, text] of texts.entries()) image.write(`${text}\0`, (i + 1) * SECTOR, 'latin1')
  writeFileSync(to, image)
}
