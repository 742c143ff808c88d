/** Saved racks of three guests with a disk and an NVDIMM, on several QEMUs: content and writes are those of each fork. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { type RackInput, type Run, saveState } from '../../src/index.ts'
import { expect, test } from '../../src/testing/index.ts'
import { packagedQemu } from '../support/packaged-qemu.ts'

const PATIENT = { timeoutMs: 600_000 }
const sh = async (run: Run, name: string, script: string) => {
  const guest = run.guests[name]
  if (!guest) throw new Error(`no guest ${name}`)
  return (await guest.run(['sh', '-c', script], PATIENT)).stdout
}
const folder = mkdtempSync(join(tmpdir(), 'bringup-saved-racks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.for(['7.2', '10.0'])(
  'each fork has disks and NVDIMMs of its own, QEMU %s',
  async (version, { launchRack }) => {
    const qemu = version === '10.0' ? (await packagedQemu('^10.0')).name : undefined
    const image = join(folder, `${version}.img`)
    writeFileSync(image, '')
    truncateSync(image, 16 << 20)
    const machine = { memory: '128M', cpu: 1, timeout: '30m', ...(qemu ? { qemu } : {}) } as const
    const plain = { machine, profile: 'linux', nics: ['lan'] }
    const rack = {
      networks: { lan: {} },
      guests: {
        disk: { ...plain, machine: { ...machine, devices: [{ kind: 'disk', file: image }] } },
        pmem: { ...plain, machine: { ...machine, devices: [{ kind: 'nvdimm', id: 'pm0', size: '64M' }] } },
        third: plain,
      },
    } satisfies RackInput
    const run = await launchRack(rack)
    const put = (r: Run, text: string) =>
      Promise.all([
        sh(r, 'disk', `echo ${text} disk >/dev/vda; sync`),
        sh(r, 'pmem', `echo ${text} pmem >/dev/pmem0; sync`),
        sh(r, 'third', `echo ${text} third >/tmp/x`),
      ])
    const got = async (r: Run) => [
      await sh(r, 'disk', 'head -n 1 /dev/vda'),
      await sh(r, 'pmem', 'head -n 1 /dev/pmem0'),
      await sh(r, 'third', 'cat /tmp/x'),
    ]
    const shown = (text: string) => ['disk', 'pmem', 'third'].map((name) => `${text} ${name}\n`)
    await put(run, 'saved')
    await sh(run, 'third', 'for n in disk pmem; do ping -c 1 -W 60 $n; done')
    await using kept = await saveState(run, { frames: 'keep' })
    await put(run, 'later')
    await using one = await kept.fork()
    await using two = await kept.fork({ uniqueness: 'same' })
    expect(await got(one)).toEqual(shown('saved'))
    await put(one, 'one')
    expect(await got(two)).toEqual(shown('saved'))
    expect(await got(run)).toEqual(shown('later'))
    for (const fork of [one, two])
      for (const name of ['disk', 'pmem'])
        expect(await sh(fork, 'third', `ping -c 1 -W 60 ${name}`)).toContain(' 0% packet loss')
    await using again = await saveState(one)
    await using three = await again.fork()
    expect(await got(three)).toEqual(shown('one'))
    for (const guest of Object.values(three.guests))
      expect((await guest.verify()).filter(({ ok }) => !ok)).toEqual([])
  },
)
