/** Files that are not what they seem: devices that keep nothing, images that read others. */
import { execFileSync } from 'node:child_process'
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
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

describe('what bringup writes', () => {
  const home = join(folder, 'home')
  mkdirSync(home)
  const open = (...args: string[]) =>
    execa('sh', ['-c', 'umask 000; exec "$0" "$@"', process.execPath, BIN, ...args], {
      cwd: home,
      env: { XDG_CACHE_HOME: join(home, 'cache') },
      reject: false,
      stdin: 'ignore',
    })

  it('is for this user only, whatever the umask', async () => {
    const run = await open('run', '--memory', '64M', '--nvdimm', '16M')
    expect(run.exitCode, run.stderr).toBe(0)
    expect(
      (await open('run', '--memory', '64M', '--nvdimm', `16M,file=${join(home, 'elsewhere.img')}`)).exitCode,
    ).toBe(0)
    const readable = execFileSync('find', [
      home,
      '-mindepth',
      '1',
      '(',
      '-perm',
      '/0077',
      ')',
      '-printf',
      '%P %m\\n',
    ])
      .toString()
      .split('\n')
      // What is in a folder that no other user may search is out of reach.
      .filter((line) => line !== '' && !line.includes('/'))
    expect(readable).toEqual([])
  })

  it('does not go through a link that was planted', async () => {
    const victim = join(home, 'victim')
    writeFileSync(victim, 'precious')
    const store = join(home, 'store.img')
    for (const name of ['store.img.bringup.jsonl', 'store.img.partial', 'store.img.bringup.jsonl.1'])
      symlinkSync(victim, join(home, name))
    await open('nvdimm', 'create', store, '--size', '16M')
    expect(readFileSync(victim, 'utf8')).toBe('precious')
  })

  it.runIf(process.getuid?.() === 0)('does not go into a state folder of another user', async () => {
    const theirs = join(home, 'theirs')
    mkdirSync(theirs)
    chownSync(theirs, 65534, 65534)
    const project = join(home, 'project')
    mkdirSync(project)
    symlinkSync(theirs, join(project, '.bringup'))
    execFileSync('chown', ['-h', '65534', join(project, '.bringup')])
    const run = await execa(process.execPath, [BIN, 'run', '--memory', '64M'], {
      cwd: project,
      reject: false,
      stdin: 'ignore',
    })
    expect(run.exitCode).toBe(2)
    expect(run.stderr).toContain('belongs to user nobody')
    expect(readdirSync(theirs)).toEqual([])
  })

  it.each(['/proc/x', '/proc/x/y', '/dev/null/x', '/sys/x'])(
    'ends where nothing can be written: --state %s',
    async (state) => {
      const run = await open('run', '--memory', '64M', '--state', state)
      expect([2, 125]).toContain(run.exitCode)
      expect(run.stderr).toContain('error ')
      expect(run.stderr).not.toContain('    at ')
    },
  )
})
