/** Linux guests: this distribution's kernel, commands over their channel, and what they see. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'vitest'
import { saveState } from '../../src/index.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { cacheFolder } from '../../src/project/cache-folder.ts'
import { expect, test } from '../support/guests.ts'

const profile = 'linux'

describe('a Linux guest', () => {
  const machines: Readonly<Record<string, MachineInput>> = {
    'nodes, distances, HMAT and an NVDIMM': {
      cpu: { count: 2, max: 3 },
      numa: {
        nodes: 2,
        distances: 21,
        hmat: [{ initiator: 0, target: 1, latency: '160ns', bandwidth: '5G' }],
      },
      nvdimmPersistence: 'mem-ctrl',
      devices: [
        { kind: 'nvdimm', id: 'pm0', size: '128M', node: 1 },
        { kind: 'nvdimm', id: 'pm1', size: '64M', label: '128K', backing: 'ram' },
      ],
    },
    'sockets and threads, a NIC, a second serial port': {
      // Linux takes the threads of TCG's own model, an AMD without topoext, for cores.
      cpu: { count: 4, sockets: 2, cores: 1, threads: 2, features: ['vendor=GenuineIntel'] },
      devices: [{ kind: 'nic' }, { kind: 'serial' }],
    },
  }
  for (const [name, machine] of Object.entries(machines)) {
    test(`sees ${name}`, async ({ launch }) => {
      const guest = await launch(machine, { profile })
      const comparison = await guest.verify()
      expect(comparison.length).toBeGreaterThan(7)
      expect(comparison.filter((c) => !c.ok)).toEqual([])
    })
  }

  test('lists its NVDIMM by ndctl, and keeps what it wrote when QEMU is killed', async ({ launch }) => {
    const machine: MachineInput = {
      cpu: 2,
      numa: 2,
      devices: [{ kind: 'nvdimm', id: 'pm0', size: '128M', node: 1 }],
    }
    const first = await launch(machine, { profile })
    const { stdout, exitCode } = await first.run(['ndctl', 'list', '-RND'])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      regions: [{ size: 128 * 2 ** 20, namespaces: [{ mode: 'raw', blockdev: 'pmem0' }] }],
    })
    await first.run(['sh', '-c', 'echo remembered | dd of=/dev/pmem0 bs=512 count=1 conv=sync,fsync'])
    await first.kill()
    const second = await launch(machine, { profile })
    expect((await second.run(['head', '-n', '1', '/dev/pmem0'])).stdout).toBe('remembered\n')
  })

  test('has its shell on a virtio console', async ({ launch }) => {
    const guest = await launch({ console: 'virtio' }, { profile })
    await guest.console.expect('guest:/# ')
    expect((await guest.run(['cat', '/sys/class/tty/console/active'])).stdout).toBe('hvc0\n')
    expect((await guest.verify()).filter(({ ok }) => !ok)).toEqual([])
  })

  test('has files, a second serial port and a bulk port of its own', async ({ launch }) => {
    const machine: MachineInput = {
      devices: [
        { kind: 'serial', id: 'com2' },
        { kind: 'virtio-console', id: 'data', name: 'data', purpose: 'bulk' },
      ],
    }
    const guest = await launch(machine, { profile })
    await guest.writeFile('/tmp/with space', 'content', 0o600)
    expect((await guest.readFile('/tmp/with space')).toString()).toBe('content')
    await expect(guest.readFile('/nowhere')).rejects.toMatchObject({ code: 'GUEST_FILE_FAILED' })
    await guest.run(['sh', '-c', 'echo by serial > /dev/ttyS1'])
    await guest.channel('com2').expect('by serial')
    const bulk = guest.channel('data').expect('the end', { timeoutMs: 1_000_000 })
    await guest.run(['sh', '-c', '(head -c 3000000 /dev/zero; echo the end) > /dev/virtio-ports/data'])
    expect((await bulk).before.length).toBe(3_000_000)
    expect(() => guest.channel('no')).toThrow('GUEST_HAS_NO_CHANNEL')
    expect(existsSync(join(guest.folder.path, 'channels/com2.log'))).toBe(true)
  })

  test('boots a bzImage that is given, with the modules beside it', async ({ launch }) => {
    await (await launch({}, { profile })).close()
    const packages = join(cacheFolder(), 'linux/packages')
    const kernel = readdirSync(packages)
      .map((name) => join(packages, name, 'boot'))
      .filter((boot) => existsSync(boot))
      .flatMap((boot) =>
        readdirSync(boot)
          .filter((name) => name.startsWith('vmlinuz-'))
          .map((name) => join(boot, name)),
      )
      .at(0)
    if (kernel === undefined) throw new Error('no kernel package in the cache')
    const guest = await launch({ boot: { kernel } }, { profile })
    expect((await guest.run(['uname', '-r'])).stdout.trim()).toBe(
      kernel.slice(kernel.indexOf('vmlinuz-') + 8),
    )
  })
})

describe('commands', () => {
  test('give back what they print, how they end, and leave the console alone', async ({ launch }) => {
    const guest = await launch({}, { profile })
    const script = 'read line; echo "$line $WORD $PWD"; echo oops >&2; exit 3'
    const result = await guest.run(['sh', '-c', script], {
      stdin: 'a line\n',
      env: { WORD: 'two words' },
      cwd: '/tmp',
    })
    expect(result).toEqual({ stdout: 'a line two words /tmp\n', stderr: 'oops\n', exitCode: 3 })
    expect(await guest.run(['no-such-program'])).toMatchObject({
      exitCode: 127,
      stderr: expect.stringContaining('no-such-program'),
    })
    expect(await guest.run(['sh', '-c', 'kill -TERM $$'])).toMatchObject({ exitCode: 143 })
    expect(await guest.run(['printf', '%s|', '', 'a b', '$HOME', 'ä'])).toMatchObject({
      stdout: '|a b|$HOME|ä|',
    })
    expect(guest.console.tail().join('\n')).not.toContain('oops')
  })

  test('move megabytes both ways unharmed', async ({ launch }) => {
    const guest = await launch({}, { profile })
    const bytes = Buffer.alloc(5_000_000)
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = (i * 2654435761) >>> 24
    const back: Uint8Array[] = []
    const { exitCode } = await guest.run(['cat'], { stdin: bytes, onStdout: (chunk) => back.push(chunk) })
    expect(exitCode).toBe(0)
    const sum = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')
    expect(sum(Buffer.concat(back))).toBe(sum(bytes))
  })

  test('run side by side, end at their deadline, and do not wait for daemons', async ({ launch }) => {
    const guest = await launch({}, { profile })
    const slow = guest.run(['sleep', '600'], { timeoutMs: 3000 })
    slow.catch(() => {})
    const sums = await Promise.all(
      Array.from({ length: 12 }, (_, i) => guest.run(['sh', '-c', `echo $((${i} * ${i}))`])),
    )
    expect(sums.map((s) => Number(s.stdout))).toEqual(Array.from({ length: 12 }, (_, i) => i * i))
    expect((await guest.run(['sh', '-c', 'sleep 500 & echo started'])).stdout).toBe('started\n')
    await expect(slow).rejects.toMatchObject({ code: 'SHELL_TIMEOUT' })
    expect((await guest.run(['sh', '-c', 'ps | grep -c "[s]leep 600"'])).stdout).toBe('0\n')
  })

  test('stop feeding a command that does not read', async ({ launch }) => {
    const guest = await launch({}, { profile })
    expect(await guest.run(['true'], { stdin: Buffer.alloc(3_000_000, 'x') })).toMatchObject({ exitCode: 0 })
    expect(await guest.run(['head', '-c', '3'], { stdin: Buffer.alloc(3_000_000, 'x') })).toMatchObject({
      stdout: 'xxx',
    })
  })
})

describe('the end', () => {
  test('a panic is a crash, and fails the command that ran', async ({ launch }) => {
    const guest = await launch({}, { profile })
    await expect(guest.run(['sh', '-c', 'echo c > /proc/sysrq-trigger'])).rejects.toMatchObject({
      code: 'SHELL_ENDED',
    })
    expect(await guest.done).toMatchObject({
      verdict: 'crashed',
      meaning: expect.stringContaining('Kernel panic'),
    })
  })

  test('a power-off is not', async ({ launch }) => {
    const guest = await launch({}, { profile })
    await guest.run(['poweroff', '-f']).catch(() => {})
    await expect(guest).toEnd('passed')
  })

  test('a reset in the middle of a command leaves a channel that works', async ({ launch }) => {
    const guest = await launch({}, { profile })
    await guest.run(['touch', '/tmp/before'])
    const flood = guest.run(['cat', '/dev/zero'])
    flood.catch(() => {})
    await guest.reboot()
    await expect(flood).rejects.toMatchObject({ code: 'SHELL_ENDED' })
    expect(await guest.run(['ls', '/tmp'])).toMatchObject({ exitCode: 0, stdout: '' })
  })

  test('leaving the shell on the console ends the machine', async ({ launch }) => {
    const guest = await launch({}, { profile })
    await guest.console.expect('guest:/# ')
    guest.console.write('echo $((6 * 7)) on $(tty)\n')
    await guest.console.expect('42 on /dev/ttyS0')
    guest.console.write('exit\n')
    await expect(guest).toEnd('passed')
  })

  test('the shell on the console fails the guest with its exit code, in a fork too', async ({ launch }) => {
    const guest = await launch({ memory: '128M' }, { profile })
    await using saved = await saveState(guest)
    await using fork = await saved.fork()
    for (const one of [guest, fork]) {
      one.console.write('exit 7\n')
      await expect(one).toEnd('failed', { code: 7 })
      expect(await one.done).toMatchObject({ exitCode: 7, meaning: 'the shell returned 7' })
    }
  })
})
