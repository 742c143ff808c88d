/** The bundled kernel proves accelerators: TCG works everywhere, and KVM is believed only if it ran there. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { buildProbe } from '../../src/project/probe-build.ts'
import { proveAccelerators } from '../../src/qemu/accelerators.ts'
import { readCapabilities } from '../../src/qemu/capabilities.ts'
import { findQemu } from '../../src/qemu/find.ts'

const cacheFolder = mkdtempSync(join(tmpdir(), 'accelerators-'))
afterAll(() => rmSync(cacheFolder, { recursive: true }))

test('a decision falls within three seconds from nothing, and at once the second time', async () => {
  const { pvh } = await buildProbe({ cacheFolder })
  const qemu = await readCapabilities(findQemu('x86_64'), 'x86_64', cacheFolder)
  // A model that every computer can give: with it a half-broken KVM comes far enough to hang.
  for (const cpuModel of ['max', 'qemu64']) {
    const request = { qemu, probeKernel: pvh, cacheFolder, cpuModel }
    const coldAt = performance.now()
    const facts = await proveAccelerators(request)
    expect(performance.now() - coldAt).toBeLessThan(3000)
    const [kvm, tcg] = facts
    expect(tcg).toMatchObject({ name: 'tcg', works: true, stage: 'cpu2' })
    expect(kvm).toMatchObject({ name: 'kvm', reason: expect.stringMatching(/\S{3,} \S+/) })
    const warmAt = performance.now()
    expect(await proveAccelerators(request)).toEqual(facts)
    expect(performance.now() - warmAt).toBeLessThan(50)
  }
})
