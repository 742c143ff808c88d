/**
 * MAP_SYNC asked of a kernel that can grant it: a Linux guest whose NVDIMMs are a DAX file system and a DAX device. The
 * program and the reader of sysfs are the ones that ask this computer's kernel.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Guest } from '../../src/guest/guest.ts'
import { cacheFolder } from '../../src/project/cache-folder.ts'
import { planGuest } from '../../src/project/planning.ts'
import { linuxProfile } from '../../src/project/profiles/linux.ts'
import { loadProject } from '../../src/project/project.ts'
import { launchAlone } from '../../src/runs/run.ts'
import { readDaxDevice } from '../../src/stores/dax-device.ts'
import { buildMapSync, parseMapSync } from '../../src/stores/map-sync.ts'
import { MiB } from '../../src/units.ts'
import { expect, test } from '../support/guests.ts'

const NAMED = 'linux-dax'

async function boot(stateFolder: string, signal: AbortSignal, program: string): Promise<Guest> {
  const profile = linuxProfile({ name: NAMED, programs: ['ndctl', 'mkfs.ext4', '/usr/bin/chattr', program] })
  const machine = {
    cpu: 2,
    numa: 2,
    devices: [
      { kind: 'nvdimm', id: 'pm0', size: '128M', node: 0 },
      { kind: 'nvdimm', id: 'pm1', size: '128M', node: 1 },
    ],
  } as const
  const found = await loadProject({ cwd: stateFolder, state: stateFolder })
  const project = { ...found, profiles: [profile], machines: { dax: machine } }
  const { plan, facts } = await planGuest({ project, machine: 'dax', profile: NAMED, signal })
  return launchAlone({ plan, facts, profile }, { stateFolder, signal })
}

/** Every line a command; the script ends at the first that fails. */
async function does(guest: Guest, ...lines: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await guest.run(['sh', '-ec', lines.join('\n')])
  expect(exitCode, stderr).toBe(0)
  return stdout
}

test('a DAX file and a DAX device are granted it, any other file is refused', async ({
  stateFolder,
  signal,
}) => {
  const helper = await buildMapSync({ cacheFolder: cacheFolder() })
  if ('problem' in helper) throw new Error(helper.problem)
  await using guest = await boot(stateFolder, signal, helper.path)
  const ask = async (path: string, bytes = 4096) => {
    const { stdout } = await guest.run([helper.path, path, `${bytes}`])
    const answer = parseMapSync(stdout)
    return 'problem' in answer ? answer.problem : answer.isGranted
  }
  await does(
    guest,
    'ndctl create-namespace -f -e namespace0.0 -m fsdax >&2',
    'mkfs.ext4 -q -b 4096 /dev/pmem0',
    'mkdir -p /mnt',
    'mount -o dax /dev/pmem0 /mnt',
    'truncate -s 16M /mnt/store.img',
    'truncate -s 16M /tmp/store.img',
  )
  expect(await ask('/mnt/store.img')).toBe(true)
  expect(await ask('/mnt/not-there.img')).toBe(true)
  expect(await ask('/tmp/store.img')).toBe(false)
  expect(await ask('/mnt/no/such/folder')).toMatch(/No such file/)
  expect(await does(guest, 'ls /mnt')).toBe('lost+found\nstore.img\n')

  // What decides whether it is worth asking.
  expect(await does(guest, 'cat /sys/dev/block/$(cat /sys/block/pmem0/dev)/queue/dax')).toBe('1\n')

  // The same file on the same disk: the mount decides, and where it leaves it open, a flag of the file.
  await does(guest, 'umount /mnt', 'mount -o dax=never /dev/pmem0 /mnt')
  expect(await ask('/mnt/store.img')).toBe(false)
  await does(
    guest,
    'umount /mnt',
    'mount /dev/pmem0 /mnt',
    'mkdir /mnt/dax',
    '/usr/bin/chattr +x /mnt/dax',
    'truncate -s 16M /mnt/dax/store.img',
  )
  expect(await does(guest, 'grep " /mnt " /proc/mounts')).not.toContain('dax')
  expect(await ask('/mnt/dax/store.img')).toBe(true)
  expect(await ask('/mnt/dax/not-there.img')).toBe(true)
  expect(await ask('/mnt/store.img')).toBe(false)

  await does(guest, 'ndctl create-namespace -f -e namespace1.0 -m devdax >&2')
  const root = mkdtempSync(join(tmpdir(), 'sysfs, '))
  try {
    for (const file of ['size', 'align', 'target_node', 'numa_node'].map(
      (name) => `/sys/bus/dax/devices/dax1.0/${name}`,
    )) {
      mkdirSync(dirname(join(root, file)), { recursive: true })
      writeFileSync(join(root, file), await does(guest, `cat ${file}`))
    }
    const device = readDaxDevice('/dev/dax1.0', root)
    expect(device).toMatchObject({ name: 'dax1.0', align: 2 * MiB, node: 1 })
    // The kernel keeps its page structures in the first megabytes.
    expect(device?.bytes).toBeGreaterThan(100 * MiB)
    expect(device?.bytes).toBeLessThan(128 * MiB)
    expect(await ask('/dev/dax1.0', device?.align)).toBe(true)
    expect(await ask('/dev/dax1.0', 4096)).toBe('mmap: Invalid argument')
  } finally {
    rmSync(root, { recursive: true })
  }
})
