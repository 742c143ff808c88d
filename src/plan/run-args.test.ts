import { expect, it } from 'vitest'
import { acceleratorArgs, runArgs, usesAction } from './run-args.ts'

const machine = (qemuArgs: readonly string[]) => ({ qemuArgs, display: 'none' as const })

it('joins the items of QEMU’s log, and reads the log where the user wants it', () => {
  expect(runArgs(machine([]), 'stop').args).toEqual([
    ['-d', 'cpu_reset'],
    ['-D', '{run}/qemu.log'],
    ['-action', 'reboot=shutdown'],
  ])
  const own = runArgs(machine(['-d', 'int,cpu_reset', '-D', '/tmp/x.log', '--d', 'in_asm']), 'reboot', {
    runFolder: '/runs/1',
  })
  expect(own.args).toEqual([
    ['-d', 'int,cpu_reset,in_asm'],
    ['-D', '/tmp/x.log'],
    ['-action', 'reboot=reset'],
  ])
  expect(own.qemuLog).toBe('/tmp/x.log')
  expect(runArgs(machine([]), 'stop', { runFolder: '/runs/1' }).qemuLog).toBe('/runs/1/qemu.log')
  // In a name QEMU takes % for a template.
  expect(runArgs(machine([]), 'stop', { runFolder: '/a%d/1' })).toMatchObject({
    qemuLog: '/a%d/1/qemu.log',
    isInherited: true,
  })
  expect(runArgs(machine([]), 'stop', { runFolder: '/a%d/1' }).args).toContainEqual([
    '-D',
    '/proc/self/fd/{fd:qemu-log}',
  ])
  expect(runArgs(machine(['-D', '/x']), 'stop', { runFolder: '/a%d/1' })).toMatchObject({
    qemuLog: '/x',
    isInherited: false,
  })
})

it('counts instructions with one thread', () => {
  expect(acceleratorArgs('tcg', [])[0]?.[1]).toMatch(/^tcg,thread=multi,/)
  expect(acceleratorArgs('tcg', ['-icount', 'shift=auto'])[0]?.[1]).toMatch(/^tcg,thread=single,/)
  expect(acceleratorArgs('kvm', ['-icount', 'off'])).toEqual([['-accel', 'kvm']])
})

it('a QEMU without -action', () => {
  const { args } = runArgs(machine([]), 'stop', { hasAction: false })
  expect(args.at(-1)).toEqual(['-no-reboot'])
  expect(runArgs(machine([]), 'reboot', { hasAction: false }).args).toHaveLength(2)
  expect([usesAction(args), usesAction(runArgs(machine([]), 'reboot').args)]).toEqual([false, true])
})
