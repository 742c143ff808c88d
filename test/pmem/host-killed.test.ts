/**
 * A host that is killed under a machine: the guest here stands for the host, its NVDIMM for real persistent memory, its
 * disk for a disk. In it runs a QEMU whose NVDIMM lies on a file on the one and on the other.
 */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'
import type { Guest } from '../../src/guest/guest.ts'
import { expect, test } from '../../src/testing/index.ts'
import { makeToolsDisk, type ToolsDisk } from './tools-disk.ts'

const folder = fileURLToPath(new URL('project', import.meta.url))

let tools: ToolsDisk
beforeAll(async () => {
  tools = await makeToolsDisk()
})
afterAll(() => tools[Symbol.dispose]())

/** What is under the store: the mount point on the host, and how QEMU opens a file there. */
const PLACES = [
  { name: 'dax', options: 'pmem=on' },
  { name: 'plain', options: 'pmem=off' },
] as const

async function sh(host: Guest, script: string): Promise<string> {
  const { stdout, stderr, exitCode } = await host.run(['sh', '-ec', script], { timeoutMs: 300_000 })
  if (exitCode !== 0) throw new Error(`${script} ended with ${exitCode}\n${stdout}${stderr}`)
  return stdout
}

/** Starts a machine on the host and returns what it says of its store. It goes on to exist, as -no-shutdown wants it. */
function machine(host: Guest, { name, options }: (typeof PLACES)[number]): Promise<string> {
  const log = `/run/${name}.log`
  const qemu = [
    'qemu-system-x86_64 -machine q35,nvdimm=on -m 128M,slots=1,maxmem=1G -display none -no-reboot -no-shutdown',
    `-object memory-backend-file,id=m,share=on,mem-path=/mnt/${name}/vm1,size=64M,${options}`,
    '-device nvdimm,memdev=m -kernel /opt/probe -serial stdio',
  ].join(' ')
  return sh(host, `: > ${log}; ${qemu} > ${log} 2>&1 & tail -n +1 -F ${log} 2>/dev/null | grep -m1 '"state"'`)
}

test('a store on a DAX file is kept, one on an ordinary file is not', { timeout: 1_200_000 }, async ({
  launch,
}) => {
  const computer = {
    cpu: 2,
    memory: '1G',
    boot: { firmware: 'direct' },
    devices: [
      { kind: 'disk', id: 'tools', file: tools.file },
      { kind: 'disk', id: 'plain', size: '512M' },
      { kind: 'nvdimm', id: 'pm0', size: '256M' },
    ],
  } as const
  const mount = [
    'udevadm wait --timeout=120 /dev/pmem0; mount -o ro LABEL=tools /opt; mkdir -p /mnt/dax /mnt/plain',
    'mount -o dax /dev/pmem0 /mnt/dax; mount /dev/disk/by-id/virtio-plain /mnt/plain',
    // The worst case, which a longer wait would hide: nothing is written to the disk by and by.
    'sysctl -q vm.dirty_writeback_centisecs=0',
  ].join('; ')

  const first = await launch(computer, { profile: 'host', folder })
  await sh(
    first,
    // On a slow computer the driver takes the namespace a moment after ndctl has given up waiting for it.
    'udevadm wait --timeout=120 /dev/pmem0; ndctl create-namespace -f -e namespace0.0 -m fsdax || { udevadm settle; ndctl enable-namespace all || ndctl list -RND; }',
  )
  await sh(
    first,
    'udevadm wait --timeout=120 /dev/pmem0; mkfs.ext4 -q -b 4096 /dev/pmem0; mkfs.ext4 -q /dev/disk/by-id/virtio-plain',
  )
  await sh(first, mount)
  for (const place of PLACES) expect(await machine(first, place)).toContain('"state":"new"')
  await first.kill()

  const second = await launch(computer, { profile: 'host', folder })
  await sh(second, mount)
  expect(await machine(second, PLACES[0])).toContain('"state":"kept"')
  expect(await machine(second, PLACES[1])).toContain('"state":"new"')
})
