/** The bundled kernel proves accelerators: TCG works everywhere, and KVM is believed only if it ran there. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { buildProbe } from '../../src/project/probe-build.ts'
import { proveAccelerators } from '../../src/qemu/accelerators.ts'
import { readCapabilities } from '../../src/qemu/capabilities.ts'
import { findQemu } from '../../src/qemu/find.ts'

const cacheFolder = mkdtempSync(join(tmpdir(), 'accelerators-'))
afterAll(() => rmSync(cacheFolder, { recursive: true }))

/** The real QEMU, which notes each start of a trial guest. */
const trials = join(cacheFolder, 'trials')
const counting = join(cacheFolder, 'qemu')
const real = findQemu('x86_64')
writeFileSync(trials, '')
writeFileSync(
  counting,
  `#!/bin/sh\ncase "$*" in *"-append accel"*) echo trial >> "${trials}" ;; esac\nexec ${real} "$@"\n`,
  { mode: 0o755 },
)

test('one trial guest decides on each accelerator, and none runs the second time', async () => {
  const { pvh } = await buildProbe({ cacheFolder })
  const qemu = await readCapabilities(counting, 'x86_64', cacheFolder)
  const started = () => readFileSync(trials, 'utf8').split('\n').length - 1
  // A model that every computer can give: with it a half-broken KVM comes far enough to hang.
  for (const cpuModel of ['max', 'qemu64']) {
    const request = { qemu, probeKernel: pvh, cacheFolder, cpuModel }
    const before = started()
    const facts = await proveAccelerators(request)
    const [kvm, tcg] = facts
    expect(tcg).toMatchObject({ name: 'tcg', works: true, stage: 'cpu2' })
    expect(kvm).toMatchObject({ name: 'kvm', reason: expect.stringMatching(/\S{3,} \S+/) })
    const after = started()
    expect(after - before).toBeGreaterThanOrEqual(1)
    expect(after - before).toBeLessThanOrEqual(2)
    expect(await proveAccelerators(request)).toEqual(facts)
    expect(started()).toBe(after)
  }
})
