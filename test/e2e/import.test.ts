/** A pasted command: `import --write`, then `run`, and the guest's own words are read. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { importJson } from '../../src/cli/shapes.ts'
import { bootImage, iso, TEXT } from '../support/media.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'bringup-import-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

function folderWith(name: string, files: Readonly<Record<string, string | Buffer>>) {
  const folder = join(home, name)
  mkdirSync(folder)
  for (const [path, content] of Object.entries(files)) writeFileSync(join(folder, path), content)
  return (words: readonly string[], input = '') =>
    spawnSync(process.execPath, [BIN, ...words], { cwd: folder, encoding: 'utf8', input })
}

test('a floppy, from a script with a variable', () => {
  const call = folderWith('floppy', {
    'floppy.img': bootImage(1_474_560),
    'run.sh':
      '#!/bin/sh\nIMG=floppy.img\nsudo qemu-system-i386 -fda "$IMG" -boot a \\\n  -snapshot -nographic\n',
  })
  const written = call(['import', 'run.sh', '--write'])
  expect(written.stderr).toContain('next:')
  expect(written.status).toBe(0)
  const run = call(['run', '--until', TEXT, '--timeout', '10m'])
  expect(run.stderr).toContain(`showed "${TEXT}" in line`)
  expect(run.status).toBe(0)
  const again = call(['import', 'run.sh', '--write'])
  expect(again.status).toBe(2)
  expect(again.stderr).toContain('--force')
})

test.each([
  ['-cdrom of a pc', ['qemu-system-i386', '-cdrom', 'os.iso', '-m', '64'], 'pc'],
  [
    '-cdrom of a pc, behind an empty disk',
    ['qemu-system-x86_64', '-hda', 'empty.img', '-cdrom', 'os.iso', '-boot', 'd'],
    'pc',
  ],
  ['a CD of a q35', ['qemu-system-x86_64', '-M', 'q35', '-drive', 'file=os.iso,media=cdrom'], 'q35'],
] as const)('%s', (name, words, type) => {
  const call = folderWith(name, { 'os.iso': iso(), 'empty.img': Buffer.alloc(65_536) })
  const { status, stderr } = call(['import', '--write', '--', ...words])
  expect(status, stderr).toBe(0)
  const { machines } = importJson.parse(JSON.parse(call(['import', '--json', '--', ...words]).stdout))
  expect(machines[0]?.machine).toMatchObject({ type })
  const run = call(['run', '--until', TEXT, '--timeout', '10m'])
  expect(run.stderr).toContain(`showed "${TEXT}" in line`)
  expect(run.status).toBe(0)
})

test('a disk of a libvirt domain, on standard input', () => {
  const call = folderWith('libvirt', { 'disk.img': bootImage(65_536) })
  const domain = `<domain type="qemu"><name>vm</name><memory unit="MiB">64</memory><os><type machine="pc">hvm</type></os>
    <devices><disk type="file"><source file="disk.img"/><target dev="hda" bus="ide"/><boot order="1"/></disk>
    <video><model type="vga"/></video></devices></domain>`
  expect(call(['import', '--write'], domain).status).toBe(0)
  const run = call(['run', '--until', TEXT, '--timeout', '10m'])
  expect(run.stderr).toContain(`showed "${TEXT}" in line`)
  expect(run.status).toBe(0)
})

test('the command of a plan comes back as the same machine', () => {
  const call = folderWith('plan', {
    'k.elf': 'x',
    'bringup.config.json': JSON.stringify({
      profile: 'bare',
      machines: {
        m: {
          memory: '1G',
          numa: 2,
          boot: { kernel: 'k.elf' },
          devices: [{ kind: 'nvdimm', size: '16M', node: 1 }],
        },
      },
    }),
  })
  const commandOf = (text: string) => /QEMU command\n([\s\S]*?)\n\n/.exec(text)?.[1]
  const first = commandOf(call(['plan']).stdout) ?? ''
  expect(first).toContain('nvdimm')
  const read = importJson.parse(JSON.parse(call(['import', '--json', first]).stdout))
  expect(read.machines[0]?.remarks).toEqual([])
  expect(call(['import', '--write', '--force', first]).status).toBe(0)
  rmSync(join(home, 'plan/bringup.config.json.old'), { force: true })
  expect(commandOf(call(['plan']).stdout)).toBe(first)
})

test('a pipe, files without an end or a size, and what is not a file', async () => {
  const call = folderWith('sources', { 'run.sh': 'qemu-system-i386 -m 48 -fda f.img\n' })
  const pipe = join(home, 'sources/pipe')
  expect(spawnSync('mkfifo', [pipe]).status).toBe(0)
  const writer = spawn('cp', [join(home, 'sources/run.sh'), pipe])
  const read = call(['import', 'pipe'])
  expect(read.stdout).toContain("memory: '48M'")
  await once(writer, 'close')
  const stderrOf = (...words: readonly string[]) => {
    const { status, stderr } = call(['import', ...words])
    expect(status).toBe(2)
    return stderr
  }
  expect(stderrOf('/dev/zero')).toContain('/dev/zero is larger than 1 MiB')
  expect(stderrOf('.')).toContain('`bringup init` reads a folder')
  expect(stderrOf('missing.sh')).toContain('the file missing.sh does not exist')
  expect(stderrOf('run.sh', '--', 'qemu-system-i386')).toContain('both run.sh and a command behind --')
  // The printed config is a file as it stands.
  expect(call(['import', 'run.sh', '--write']).status).toBe(0)
  const written = readFileSync(join(home, 'sources/bringup.config.ts'), 'utf8')
  expect(call(['import', 'run.sh']).stdout).toBe(written)
})

test('help, JSON and errors', () => {
  const call = folderWith('others', {})
  expect(call(['import', '--help']).stdout).toContain('virsh dumpxml')
  const { status, stderr } = call(['import', 'make run'])
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('IMPORT_NO_COMMAND') })
  const json = importJson.parse(
    JSON.parse(call(['import', '--json', '--', 'qemu-system-i386', '-m', '64']).stdout),
  )
  expect(json.machines[0]?.machine).toMatchObject({ memory: '64M', cpu: { model: 'qemu32' } })
})
