import { expect, test } from 'vitest'
import type { QemuRecord } from './record.ts'
import { commandOf } from './verify.ts'

const X86 = '--target-list=x86_64-softmmu'
const RDMA = ['--enable-kvm', '--enable-rdma', '--enable-pvrdma']

test.each([
  ['apt-source bookworm 1:7.2+dfsg-7', [X86, ...RDMA], '--from apt-source --suite bookworm --with rdma'],
  [
    'apt-source bookworm 1:7.2+dfsg-7',
    ['--disable-system', ...RDMA],
    '--from apt-source --suite bookworm --tools',
  ],
  ['https://download.qemu.org/qemu-7.2.22.tar.xz', [X86], '--from source'],
  ['http://mirror/q/qemu-7.2.22.tar.xz', [X86], '--from source --mirror http://mirror/q'],
  [
    '/my src/qemu.tar.xz',
    ['--target-list=x86_64-softmmu,riscv64-softmmu'],
    "--from '/my src/qemu.tar.xz' --targets x86_64,riscv64",
  ],
])('a QEMU from %s built with %j is installed again by %s', (source, configure, words) => {
  const from = { kind: 'source', source, isDebug: false, configure }
  const record = { version: '7.2.22', from } as unknown as QemuRecord
  expect(commandOf({ name: 'mine', record })).toBe(
    `bringup qemu install 7.2.22 ${words} --name mine --replace`,
  )
})
