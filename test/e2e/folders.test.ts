/** Folders of this computer in real guests. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll } from 'vitest'
import type { Guest, MachineInput } from '../../src/index.ts'
import { expect, test } from '../../src/testing/index.ts'

const BIN = join(import.meta.dirname, '../../dist/cli/bin.js')
const profile = 'linux'
/** A loaded computer takes minutes for a boot. */
const patient = ['--timeout', '20m']
const folder = mkdtempSync(join(tmpdir(), 'folders, '))
afterAll(() => rmSync(folder, { recursive: true }))

test('reads this computer’s files, and writes to an overlay, read-only and writable', async ({ launch }) => {
  const [source, fixed, shared] = ['a source', 'fixed', 'shared'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  for (const path of [source, fixed, shared]) mkdirSync(path)
  writeFileSync(join(source, 'hello.txt'), 'from this computer\n')
  const guest = await launch(
    {
      devices: [
        { kind: 'folder', id: 'source', path: source },
        { kind: 'folder', id: 'fixed', path: fixed, guest: '/mnt/fixed', access: 'readonly' },
        { kind: 'folder', id: 'shared', path: shared, guest: '/mnt/shared', access: 'rw' },
      ],
    },
    { profile },
  )
  const sh = (script: string) => guest.run(['sh', '-c', script], { cwd: source })
  expect(await guest.run(['cat', 'hello.txt'], { cwd: source })).toMatchObject({
    stdout: 'from this computer\n',
    exitCode: 0,
  })
  expect(
    await sh('echo changed > hello.txt && mkdir out && cp hello.txt out && cat out/hello.txt'),
  ).toMatchObject({ stdout: 'changed\n', exitCode: 0 })
  expect(readFileSync(join(source, 'hello.txt'), 'utf8')).toBe('from this computer\n')
  const refused = await sh('echo x > /mnt/fixed/x')
  expect(refused.stderr).toContain('Read-only file system')
  expect((await sh('echo kept > /mnt/shared/x')).exitCode).toBe(0)
  expect(readFileSync(join(shared, 'x'), 'utf8')).toBe('kept\n')
  const rows = (await guest.verify()).filter((row) => row.device.startsWith('folder '))
  expect(rows).toHaveLength(9)
  expect(rows.filter((row) => !row.ok)).toEqual([])
})

test('two guests at once: overlays keep apart, a writable folder is common, a read-only one the same', async ({
  launch,
}) => {
  const [source, fixed, shared] = ['both', 'both fixed', 'both shared'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  for (const path of [source, fixed, shared]) mkdirSync(path)
  for (const path of [source, fixed]) writeFileSync(join(path, 'hello.txt'), 'from this computer\n')
  const machine = {
    timeout: '20m',
    devices: [
      { kind: 'folder', id: 'source', path: source, guest: '/mnt/source' },
      { kind: 'folder', id: 'fixed', path: fixed, guest: '/mnt/fixed', access: 'readonly' },
      { kind: 'folder', id: 'shared', path: shared, guest: '/mnt/shared', access: 'rw' },
    ],
  } as const satisfies MachineInput
  const [one, two] = (await Promise.all(
    ['one', 'two'].map((name) => launch(machine, { profile, name })),
  )) as [Guest, Guest]
  const sh = async (guest: Guest, script: string) => (await guest.run(['sh', '-c', script])).stdout
  await sh(one, 'echo one > /mnt/source/hello.txt; echo one > /mnt/shared/one')
  await sh(two, 'echo two > /mnt/source/hello.txt; echo two > /mnt/shared/two')
  expect(await sh(one, 'cat /mnt/source/hello.txt /mnt/shared/two')).toBe('one\ntwo\n')
  expect(await sh(two, 'cat /mnt/source/hello.txt /mnt/shared/one')).toBe('two\none\n')
  expect(readFileSync(join(source, 'hello.txt'), 'utf8')).toBe('from this computer\n')
  for (const guest of [one, two])
    expect(
      await sh(guest, 'cat /mnt/fixed/hello.txt; echo x 2>/dev/null > /mnt/fixed/x || echo refused'),
    ).toBe('from this computer\nrefused\n')
  // Changes of a file that the other has read already.
  await sh(two, 'echo second >> /mnt/shared/one')
  expect(await sh(one, 'cat /mnt/shared/one')).toBe('one\nsecond\n')
})

test('a script of the project runs where bringup was started, with its interpreter', async () => {
  const sub = join(folder, 'project, one', 'sub')
  mkdirSync(sub, { recursive: true })
  writeFileSync(join(sub, 'data'), 'data of the project\n')
  const script = '#!/usr/bin/env bash\ncat data && echo "$BASH" > made && ls made && pwd\n'
  writeFileSync(join(sub, 'check.sh'), script, { mode: 0o755 })
  writeFileSync(join(sub, 'odd.sh'), '#!/opt/none/odd -x\n', { mode: 0o755 })
  const run = (program: string) =>
    execa(
      process.execPath,
      [BIN, 'run', ...patient, '--profile', 'linux', '--project-folder', '--', program],
      {
        cwd: sub,
        reject: false,
      },
    )
  const { stdout, stderr, exitCode } = await run('./check.sh')
  expect({ stdout, exitCode }, stderr).toEqual({ stdout: `data of the project\nmade\n${sub}`, exitCode: 0 })
  expect(existsSync(join(sub, 'made'))).toBe(false)
  expect((await run('./odd.sh')).stderr).toContain('"/opt/none/odd", the interpreter of "./odd.sh"')
})

test('a command of a project sees the folder of the project, unless told otherwise', async () => {
  const project = join(folder, 'with config')
  mkdirSync(join(project, 'sub'), { recursive: true })
  writeFileSync(join(project, 'bringup.config.json'), '{"machines":{"default":{"profile":"linux"}}}')
  writeFileSync(join(project, 'sub', 'data'), 'data of the project\n')
  const run = (...words: readonly string[]) =>
    execa(process.execPath, [BIN, 'run', ...patient, ...words], { cwd: join(project, 'sub'), reject: false })
  const { stdout, stderr, exitCode } = await run('--', 'sh', '-c', 'cat data; echo x > made; pwd')
  const place = join(project, 'sub')
  expect({ stdout, exitCode }, stderr).toEqual({ stdout: `data of the project\n${place}`, exitCode: 0 })
  expect(existsSync(join(place, 'made'))).toBe(false)
  expect((await run('--no-project-folder', '--', 'pwd')).stdout).toBe('/')
})

test('a kernel without 9p boots without the folder of the project, and a line says why', async () => {
  const project = join(folder, 'cloud')
  mkdirSync(project, { recursive: true })
  const config = [
    "import { defineConfig, linuxProfile } from 'bringup'",
    "const cloud = linuxProfile({ name: 'cloud', kernelPackage: 'linux-image-cloud-amd64' })",
    "export default defineConfig({ profile: 'cloud', profiles: [cloud] })",
  ]
  writeFileSync(join(project, 'bringup.config.ts'), config.join('\n'))
  const run = () =>
    execa(process.execPath, [BIN, 'run', ...patient, '--', 'pwd'], { cwd: project, reject: false })
  // Made the first time, found the second time.
  for (const { stdout, stderr, exitCode } of [await run(), await run()]) {
    expect({ stdout, exitCode }, stderr).toEqual({ stdout: '/', exitCode: 0 })
    expect(stderr.match(/^the project’s folder is not in the guest: .*$/gm)).toEqual([
      'the project’s folder is not in the guest: the kernel has no 9p (NET_9P_VIRTIO, 9P_FS)',
    ])
  }
})

/** Debian 12 has the daemon of QEMU 7.2, which runs as root only and cannot be read-only. */
test.runIf(existsSync('/usr/lib/qemu/virtiofsd') && process.getuid?.() === 0)(
  'virtiofs: the guest reads and writes, and a reset mounts the folder again',
  async ({ launch }) => {
    const served = join(folder, 'served, by \\daemon')
    mkdirSync(served)
    writeFileSync(join(served, 'hello.txt'), 'from this computer\n')
    const machine: MachineInput = {
      timeout: '20m',
      numa: 2,
      cpu: 2,
      devices: [
        { kind: 'folder', id: 'served', path: served, guest: '/mnt', access: 'rw', transport: 'virtiofs' },
      ],
    }
    const guest = await launch(machine, { profile })
    const sh = async (script: string) => (await guest.run(['sh', '-c', script])).stdout
    expect(await sh('cat /mnt/hello.txt; echo kept > /mnt/x; grep -c virtiofs /proc/mounts')).toBe(
      'from this computer\n1\n',
    )
    expect(readFileSync(join(served, 'x'), 'utf8')).toBe('kept\n')
    const rows = (await guest.verify()).filter((row) => row.device.startsWith('folder '))
    expect(rows.map(({ aspect, ok }) => ({ aspect, ok }))).toEqual(
      ['PCI function', 'mounted at'].map((aspect) => ({ aspect, ok: true })),
    )
    await guest.reboot()
    expect(await sh('cat /mnt/x')).toBe('kept\n')
    expect(await guest.close()).toMatchObject({ diagnostics: [] })
  },
)
