import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { QemuExit } from '../qemu/exit.ts'
import type { QemuProcess } from '../qemu/process.ts'
import { QmpEnded, QmpError } from '../qemu/qmp.ts'
import { bootInstead, load, NotLoaded } from './origin.ts'

const home = mkdtempSync(join(tmpdir(), 'bringup-origin-'))
const folder = join(home, 'state')
beforeEach(() => mkdirSync(folder, { recursive: true }))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const end = (signal: QemuExit['signal'], stderr = ''): QemuExit => ({
  status: signal === null ? 1 : null,
  signal,
  stderr,
  lastWords: stderr,
  diagnostics: [],
})

/** A QEMU that answers the first command of the restore with this error. */
const failing = (error: Error, exit: QemuExit = end(null)) =>
  ({
    pid: process.pid,
    ready: Promise.resolve(),
    inherited: new Map([['state', 9]]),
    exited: Promise.resolve(exit),
    qmp: {
      greeted: Promise.resolve({ version: { qemu: { major: 7, minor: 2 } } }),
      execute: () => Promise.reject(error),
      on: () => () => {},
    },
  }) as unknown as QemuProcess

const gone = () => new QmpEnded('migrate-incoming', 'QEMU is gone')
const failureOf = (qemu: QemuProcess) =>
  load(qemu).then(
    () => undefined,
    (error: unknown) => error,
  )

const restored = (otherwise?: object) =>
  ({
    args: [['-incoming', 'defer']],
    origin: { kind: 'state', because: '', state: { key: 'k', folder }, ...(otherwise ? { otherwise } : {}) },
  }) as unknown as GuestPlan

test('what QEMU says against a state condemns it, the end of QEMU by another process does not', async () => {
  const refusal = new QmpError('migrate-incoming', {
    class: 'GenericError',
    desc: 'Unknown savevm section',
  })
  expect(await failureOf(failing(refusal))).toBeInstanceOf(NotLoaded)
  const abort = await failureOf(failing(gone(), end('SIGABRT', 'qemu: assertion failed\n')))
  expect(abort).toBeInstanceOf(NotLoaded)
  expect(abort).toMatchObject({ message: 'qemu: assertion failed' })
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const killed = await failureOf(failing(gone(), end(signal)))
    expect(killed).not.toBeInstanceOf(NotLoaded)
    expect(killed).toMatchObject({ message: `QEMU was ended by ${signal}` })
  }
})

test('a state is deleted only when QEMU refused it', () => {
  const otherwise = { args: [['-m', '64M']], locks: [], files: [], stores: [] }
  const kept = bootInstead(restored(otherwise), new Error('QEMU was ended by SIGKILL'))
  expect(existsSync(folder)).toBe(true)
  expect(kept).toMatchObject({ args: [['-m', '64M']], origin: { kind: 'boot' } })
  expect(kept.origin?.because).toContain('SIGKILL')
  bootInstead(restored(otherwise), new NotLoaded('Unknown savevm section'))
  expect(existsSync(folder)).toBe(false)
})

test('a fork has no boot to fall back to: the reason is reported, and its state is kept', () => {
  const refused = () => bootInstead(restored(), new NotLoaded('Unknown savevm section'))
  expect(refused).toThrow(expect.objectContaining({ code: 'STATE_NOT_LOADED' }))
  const locked = new BringupError([])
  expect(() => bootInstead(restored(), locked)).toThrow(locked)
  expect(existsSync(folder)).toBe(true)
})
