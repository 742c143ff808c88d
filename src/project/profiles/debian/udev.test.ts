import { expect, test } from 'vitest'
import { BringupError } from '../../../diagnostics.ts'
import { parseMachine } from '../../../machine/machine.ts'
import type { GuestPlan } from '../../../plan/plan.ts'
import { debian } from '../debian.ts'
import { settleDrivers } from './udev.ts'

const answer = (exitCode: number, stderr = '') => ({ stdout: '', stderr, exitCode })

test('the first command waits until udev has handled every device', async () => {
  const asked: (readonly string[])[] = []
  const settle = debian.settle?.({ name: 'm', machine: parseMachine('m', {}) } as GuestPlan)
  const found = await settle?.(async (argv) => {
    asked.push(argv)
    return answer(0)
  })
  expect(found).toEqual([])
  expect(asked).toEqual([['sh', '-c', expect.stringContaining('udevadm settle --timeout=600')]])
})

test('a udev that does not get done is a warning; a system without it waits for nothing', async () => {
  expect(await settleDrivers(async () => answer(1, 'timed out'))).toMatchObject([
    { code: 'DEBIAN_DRIVERS_LATE', severity: 'warning', evidence: ['timed out'] },
  ])
  expect(await settleDrivers(async () => answer(127))).toEqual([])
  const late = new BringupError([
    { code: 'SHELL_TIMEOUT', severity: 'error', path: '', what: '', why: '', remedy: '' },
  ])
  expect(await settleDrivers(() => Promise.reject(late))).toMatchObject([{ code: 'DEBIAN_DRIVERS_LATE' }])
  await expect(settleDrivers(() => Promise.reject(new Error('gone')))).rejects.toThrow('gone')
})

test('what the guest saw is read after udev is done', async () => {
  const asked: string[] = []
  await debian.view?.({
    consoleText: () => '',
    run: async (argv) => {
      asked.push(argv.join(' ').includes('udevadm settle') ? 'settle' : 'view')
      return answer(1)
    },
  })
  expect(asked).toEqual(['settle', 'view'])
})
