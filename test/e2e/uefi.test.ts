/** UEFI boots from a folder, also one whose name has colons and commas, and leaves the distribution's variables alone. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { ovmf } from '../../src/machine/devices/boot-options.ts'
import { checkMachine, compileMachine, parseMachine } from '../../src/machine/machine.ts'
import { gatherFacts } from '../../src/plan/gather.ts'
import { readCapabilities } from '../../src/qemu/capabilities.ts'
import { findQemu } from '../../src/qemu/find.ts'
import { killWhenStuck } from '../support/progress.ts'

const folder = mkdtempSync(join(tmpdir(), 'uefi '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const path = findQemu('x86_64')
const qemu = await readCapabilities(path, 'x86_64', join(folder, 'cache'))
const isInstalled =
  ovmf(parseMachine('uefi', {}).boot, gatherFacts([], { qemu, accelerators: [] })).code !== undefined

/** OVMF and its shell use 5 to 10 s of CPU time under TCG. */
const FIRMWARE_CPU_SECONDS = 120

const sha256 = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex')

/** Everything that the guest prints until QEMU ends. */
async function consoleOf(args: readonly (readonly [string, string?])[]): Promise<string> {
  const flat = args.flatMap(([flag, value]) => (value === undefined ? [flag] : [flag, value]))
  const argv = ['-accel', 'tcg', '-chardev', 'stdio,id=console,signal=off', '-no-reboot', ...flat]
  const child = spawn(path, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  killWhenStuck(child, FIRMWARE_CPU_SECONDS)
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  return new Promise((resolve) => child.on('close', () => resolve(text)))
}

it.skipIf(!isInstalled)('runs startup.nsh of the folder', async () => {
  const esp = join(folder, 'my: esp, 1')
  mkdirSync(esp)
  writeFileSync(join(esp, 'startup.nsh'), '@echo -off\r\necho BRINGUP-ESP-OK\r\nreset -s\r\n')
  const machine = parseMachine('uefi', { boot: { esp } })
  const facts = gatherFacts([esp], { qemu, accelerators: [] })
  expect(checkMachine(machine, facts, 'uefi')).toEqual([])
  const { variables = '' } = ovmf(machine.boot, facts)
  const before = sha256(variables)
  expect(await consoleOf(compileMachine(machine, facts, 'uefi').args)).toContain('BRINGUP-ESP-OK')
  expect(sha256(variables)).toBe(before)
})
