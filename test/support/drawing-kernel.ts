/** For tests: compiles the kernel that draws on the screen in the way that its command line names. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCES = fileURLToPath(new URL('../fixtures/screens/', import.meta.url))
const WORDS = `-m32 -O1 -ffreestanding -fno-pie -no-pie -fno-stack-protector -nostdlib -static -Wall -Wextra -Werror
  -Wl,-Ttext=0x100000 -Wl,-N -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,noexecstack`

export function buildDrawingKernel(to: string): void {
  const sources = ['boot.S', 'draw.c'].map((name) => join(SOURCES, name))
  execFileSync('gcc', [...WORDS.split(/\s+/), '-o', to, ...sources])
}
