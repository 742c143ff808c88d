/** CPUs without long mode: 32-bit kernels run on them, and what needs 64 bits is told beforehand. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { MachineInput } from '../../src/machine/machine.ts'
import { planGuest } from '../../src/project/planning.ts'
import { bare } from '../../src/project/profiles/bare.ts'
import { probe } from '../../src/project/profiles/probe.ts'
import { launchAlone } from '../../src/runs/run.ts'
import { elfKernel, pvhNote } from '../support/kernels.ts'

const folder = mkdtempSync(join(tmpdir(), 'cpu 32 '))
afterAll(() => rmSync(folder, { recursive: true }))
const stateFolder = join(folder, 'state')

const multiboot = join(folder, 'multiboot.elf')
writeFileSync(multiboot, elfKernel({ bits: 32, multiboot: {} }))
const pvh64 = join(folder, 'pvh64.elf')
writeFileSync(pvh64, elfKernel({ notes: [{ notes: [pvhNote()] }] }))

function planned(profile: 'bare' | 'probe', machine: MachineInput) {
  return planGuest({
    project: {
      folder,
      stateFolder,
      machines: { case: { memory: '64M', debugExit: true, ...machine } },
      racks: {},
      defaultMachine: 'case',
      profile,
      profiles: [bare, probe],
      configFile: join(folder, 'bringup.config.ts'),
    },
  })
}

const codesOf = async (profile: 'bare' | 'probe', machine: MachineInput) =>
  (await planned(profile, machine)).plan.diagnostics.map((d) => `${d.severity} ${d.code}`)

test.each([
  ['486', []],
  ['pentium', []],
  ['pentium3', []],
  ['athlon', []],
  ['n270', []],
  ['kvm32', []],
  ['coreduo', []],
  ['qemu32', []],
  ['core2duo', []],
  ['qemu32', ['+sse2']],
  ['max', ['lm=off']],
  ['max', ['-lm']],
])('a 32-bit kernel runs on %s %j', async (model, features) => {
  const { plan, facts, profile } = await planned('bare', {
    boot: { kernel: multiboot },
    cpu: { model, features },
  })
  expect(plan.diagnostics).toEqual([])
  await using guest = await launchAlone({ plan, facts, profile }, { stateFolder })
  const result = await guest.done
  expect(readFileSync(join(result.folder, 'console.log'), 'utf8')).toContain('RAN')
})

test('the probe kernel needs long mode, and says so itself where no finding did', async () => {
  expect(await codesOf('probe', { cpu: { model: 'qemu32' } })).toEqual(['error PROFILE_NEEDS_64_BIT'])
  expect(await codesOf('probe', { cpu: { features: ['lm=off'] } })).toEqual(['error PROFILE_NEEDS_64_BIT'])
  expect(await codesOf('probe', { cpu: { model: 'qemu32', features: ['+lm'] } })).toEqual([])
  const { plan, facts, profile } = await planned('probe', { cpu: { model: '486' } })
  await using guest = await launchAlone(
    { plan: { ...plan, diagnostics: [] }, facts, profile },
    { stateFolder },
  )
  expect(await guest.done).toMatchObject({
    verdict: 'failed',
    meaning: 'the CPU has no long mode, which the probe kernel needs',
  })
})

test('a 64-bit ELF kernel gets a warning, since it may stay in 32-bit mode', async () => {
  const boot = { kernel: pvh64 }
  expect(await codesOf('bare', { boot, cpu: { model: 'qemu32' } })).toEqual([
    'warning BOOT_KERNEL_MAY_NEED_64_BIT',
  ])
  expect(await codesOf('bare', { boot, cpu: { model: 'qemu64' } })).toEqual([])
})
