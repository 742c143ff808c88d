/** Each small kernel of the matrix, as bringup reads it and as QEMU takes it. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { checkMachine, parseMachine } from '../../src/machine/machine.ts'
import { gatherFacts } from '../../src/plan/gather.ts'
import { readCapabilities } from '../../src/qemu/capabilities.ts'
import { findQemu } from '../../src/qemu/find.ts'
import { type Fate, KERNEL_MATRIX, type MatrixKernel } from '../support/kernel-matrix.ts'
import { bzimage, elfKernel, pvhNote } from '../support/kernels.ts'

const folder = mkdtempSync(join(tmpdir(), 'kernel matrix '))
afterAll(() => rmSync(folder, { recursive: true }))
const path = findQemu('x86_64', undefined)
const qemu = await readCapabilities(path, 'x86_64', join(folder, 'cache'))

/** Seconds of CPU time: what loops forever has used them up, however loaded the computer is. */
const CPU_SECONDS = 4

interface Seen {
  readonly fate: Fate
  readonly stderr: string
}

/** SeaBIOS says what it does on port 0x402, by which a guest that has begun is told from a QEMU that came to nothing. */
function boot(kernel: string, more: readonly string[] = []): Promise<Seen> {
  const log = `${kernel}.firmware`
  const args = [
    ...[
      `--cpu=${CPU_SECONDS}`,
      '--core=0',
      path,
      '-accel',
      'tcg',
      '-m',
      '16M',
      '-nodefaults',
      '-no-user-config',
    ],
    ...['-display', 'none', '-serial', 'stdio', '-no-reboot', '-kernel', kernel],
    ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
    ...['-chardev', `file,id=log,path=${log}`, '-device', 'isa-debugcon,iobase=0x402,chardev=log'],
    ...more,
  ]
  return new Promise((resolve) => {
    execFile('prlimit', args, (error, stdout, stderr) => {
      const hasBegun = existsSync(log) && statSync(log).size > 0
      resolve({ fate: fateOf(error ? error.code : 0, stdout, hasBegun), stderr })
    })
  })
}

function fateOf(status: number | string | null | undefined, stdout: string, hasBegun: boolean): Fate {
  if (status === 33 && stdout.endsWith('RAN\n')) return 'ran'
  if (status === 35 && stdout.endsWith('WRONG\n')) return 'wrong'
  if (hasBegun) return 'lost'
  return status === 1 ? 'refused' : 'broken'
}

function found(kernel: string, more: { readonly initrd?: string; readonly append?: string } = {}) {
  const machine = parseMachine('tiny', { memory: '16M', boot: { kernel, ...more } })
  const files = more.initrd === undefined ? [kernel] : [kernel, more.initrd]
  const facts = gatherFacts(files, { qemu, accelerators: [] }, folder)
  return checkMachine(machine, facts, 'tiny').map((d) => d.code)
}

const entries = Object.entries(KERNEL_MATRIX)

test(`there are at least 60 kernels`, () => {
  expect(entries.length).toBeGreaterThanOrEqual(60)
})

describe.each(entries)('%s', (name, { file, fate, code, says }: MatrixKernel) => {
  test(`${fate}: ${code ?? 'no finding'}`, async () => {
    const kernel = join(folder, `${name.replaceAll(/\W+/g, '-')}`)
    writeFileSync(kernel, file)
    expect(found(kernel)).toEqual(code === undefined ? [] : [code])
    const seen = await boot(kernel)
    expect(seen).toMatchObject({ fate })
    expect(seen.stderr).toMatch(says ?? (fate === 'ran' ? /^$/ : /(?:)/))
  })
})

const KERNELS = {
  'a bzImage': bzimage(),
  'a bzImage with a limit of 8M': bzimage({ initrdMax: 0x7fffff }),
  'a zImage': bzimage({ magic: '\0\0\0\0', version: 0, loadFlags: 0, paragraphs: 128 }),
  'a PVH kernel': elfKernel({ notes: [{ notes: [pvhNote()] }] }),
  'a multiboot kernel': elfKernel({ bits: 32, multiboot: {} }),
}
for (const [name, file] of Object.entries(KERNELS)) writeFileSync(join(folder, name), file)

const WORDS: Readonly<Record<string, RegExp>> = {
  BOOT_INITRD_TOO_LARGE: /initrd is too large, cannot support/,
  BOOT_INITRD_OLD_KERNEL: /linux kernel too old to load a ram disk/,
  BOOT_MODULE_SPACE: /Failed to open file/,
  BOOT_VGA_INVALID: /invalid 'vga=' kernel parameter/,
}

/** QEMU refuses in those words what bringup finds, and starts what it lets pass. */
async function agreeOn(kernel: string, more: { readonly initrd?: string; readonly append?: string }) {
  const codes = found(kernel, more).filter((code) => code in WORDS)
  const words = Object.entries(more).flatMap(([key, value]) => [`-${key}`, value])
  const { fate, stderr } = await boot(kernel, words)
  expect({ codes, isRefused: fate === 'refused' || fate === 'broken', stderr }).toMatchObject({
    codes: Object.keys(WORDS).filter((code) => WORDS[code]?.test(stderr)),
    isRefused: codes.length > 0,
  })
}

const LOW_RAM = (16 << 20) - 0x28000

describe.each(Object.keys(KERNELS))('a RAM disk for %s', (name) => {
  test.each([
    ['of one byte', 1, 'initrd'],
    ['that just fits below 8M', 0x7ffffe, 'initrd'],
    ['of 8M less a byte', 0x7fffff, 'initrd'],
    ['that just fits into RAM', LOW_RAM - 2, 'initrd'],
    ['one byte too large', LOW_RAM - 1, 'initrd'],
    ['as large as RAM', 16 << 20, 'initrd'],
    ['with a space in its name', 512, 'a b'],
  ])('%s', async (_, bytes, file) => {
    const initrd = join(folder.includes(' ') && file !== 'a b' ? tmpdir() : folder, `${file}-${process.pid}`)
    writeFileSync(initrd, '')
    truncateSync(initrd, bytes)
    try {
      await agreeOn(join(folder, name), { initrd })
    } finally {
      rmSync(initrd)
    }
  })
})

describe.each(['a bzImage', 'a zImage', 'a PVH kernel'])('vga= for %s', (name) => {
  test.each([
    ...[
      'vga=normal',
      'vga=ext',
      'vga=ask',
      'vga=0',
      'vga=791',
      'vga=0x317',
      'vga=0X317',
      'vga=0317',
      'vga=+1',
    ],
    ...[
      'vga=-1',
      'vga=08',
      'vga=0x',
      'vga=',
      'vga= ',
      'vga=normal2',
      'vga=normal quiet',
      'vga=ask,1',
      'vga=791 x',
    ],
    ...[
      'vga=791,x',
      'vga=abc',
      'quiet vga=bad',
      'novga=bad',
      'vga=1 vga=bad',
      'vga=4294967295',
      'vga=4294967296',
      'vga=-2147483648',
      'vga=-2147483649',
    ],
    ...[
      'vga=99999999999999999999',
      'vga=1.5',
      'vga= 5',
      'vga=\t5',
      'vga=5\t',
      'VGA=bad',
      'vga=0b1',
      'vga=0x3 17',
    ],
  ])('%j', async (append) => agreeOn(join(folder, name), { append }))
})
