import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launch } from 'bringup'
import { afterAll, expect, test } from 'vitest'
import { runBuild } from '../../src/build/build.ts'
import { ovmf } from '../../src/machine/devices/boot-options.ts'
import { parseMachine } from '../../src/machine/machine.ts'
import { gatherFacts } from '../../src/plan/gather.ts'
import { cacheFolder } from '../../src/project/cache-folder.ts'
import { buildProbe } from '../../src/project/probe-build.ts'
import { readCapabilities } from '../../src/qemu/capabilities.ts'
import { findQemu } from '../../src/qemu/find.ts'

/** A disk that bringup has made, read by other firmware: OVMF finds the partition, the file system, the kernel. */
const folder = mkdtempSync(join(tmpdir(), 'bringup-disk-'))
afterAll(() => rmSync(folder, { recursive: true }))
const cache = cacheFolder()
const qemu = await readCapabilities(findQemu('x86_64'), 'x86_64', cache)
const { code } = ovmf(parseMachine('uefi', {}).boot, gatherFacts([], { qemu, accelerators: [] }))

test.skipIf(code === undefined)('a GPT disk with a FAT partition boots by UEFI', async () => {
  const { esp } = await buildProbe({ cacheFolder: cache })
  const built = await runBuild({
    graph: {
      targets: [
        {
          id: 'disk',
          summary: 'a disk with an EFI system partition',
          actions: [
            { kind: 'image', to: 'esp.img', image: { kind: 'fat', folder: esp, label: 'ESP' } },
            {
              kind: 'image',
              to: 'disk.img',
              image: { kind: 'disk', table: 'gpt', partitions: [{ type: 'esp', from: 'esp.img' }] },
            },
          ],
        },
      ],
    },
    folder,
    buildFolder: join(folder, '.bringup/build'),
    jobs: 1,
    signal: new AbortController().signal,
  })
  expect(built.diagnostics).toEqual([])
  writeFileSync(join(folder, 'bringup.config.json'), '{ "profile": "bare" }')
  await using guest = await launch(
    {
      boot: { firmware: 'uefi' },
      memory: '256M',
      timeout: '19m',
      devices: [{ kind: 'disk', file: 'disk.img', bootindex: 0 }],
    },
    { folder },
  )
  await guest.console.expect('{"t":"probe"', { timeoutMs: 1_000_000 })
})
