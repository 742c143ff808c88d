/** Files that are not what they seem: devices that keep nothing, images that read others. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, describe, expect, it } from 'vitest'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-files-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const bringup = (...args: string[]) =>
  execa(process.execPath, [BIN, ...args], { cwd: folder, reject: false, stdin: 'ignore' })

describe('a file that keeps nothing', () => {
  execFileSync('mkfifo', [join(folder, 'fifo')])
  it.each([
    ['/dev/zero', 'keeps nothing'],
    ['/dev/null', 'keeps nothing'],
    ['/dev/full', 'keeps nothing'],
    ['/dev/urandom', 'keeps nothing'],
    ['/dev/tty', 'keeps nothing'],
    ['/proc/version', 'on proc'],
    ['/proc/kcore', 'on proc'],
    ['/sys/kernel/uevent_seqnum', 'on sysfs'],
    ['/etc', 'directory'],
    [join(folder, 'fifo'), 'a pipe'],
  ])('%s is refused behind an NVDIMM, as RAM, disk and kernel', async (file, why) => {
    const asked = [
      ['--nvdimm', `16M,file=${file}`],
      ['--virtio-pmem', `16M,file=${file}`],
      ['--disk', file],
      ['--kernel', file],
    ]
    for (const args of asked) {
      const { stdout, stderr, exitCode } = await bringup('plan', '--memory', '64M', ...args)
      expect(exitCode, args.join(' ')).toBe(2)
      if (args[0] === '--nvdimm') expect(stdout + stderr).toContain(why)
    }
  })
})

describe('a qcow2 image', () => {
  it('that reads a file of this computer has a warning with the whole chain', async () => {
    const create = (name: string, base: string, format: string) =>
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', format, name], {
        cwd: folder,
      })
    create('middle.qcow2', '/etc/passwd', 'raw')
    create('top.qcow2', 'middle.qcow2', 'qcow2')
    const { stderr, stdout, exitCode } = await bringup('plan', '--memory', '64M', '--disk', 'top.qcow2')
    expect(exitCode).toBe(0)
    const said = stdout + stderr
    expect(said).toContain('DISK_IMAGE_READS_OTHER')
    expect(said).toContain('/etc/passwd')
    expect(said).toContain('middle.qcow2')
  })
})
