/** Each small kernel of the matrix, as bringup reads it and as QEMU takes it. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { checkMachine, parseMachine } from '../../src/machine/machine.ts'
import { gatherFacts } from '../../src/plan/gather.ts'
import { readCapabilities } from '../../src/qemu/capabilities.ts'
import { findQemu } from '../../src/qemu/find.ts'
import { type Fate, KERNEL_MATRIX, type MatrixKernel } from '../support/kernel-matrix.ts'

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
function boot(kernel: string): Promise<Seen> {
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

function found(kernel: string): readonly string[] {
  const machine = parseMachine('tiny', { memory: '16M', boot: { kernel } })
  const facts = gatherFacts([kernel], { qemu, accelerators: [] }, folder)
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
