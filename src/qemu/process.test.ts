import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import type { FileLock } from '../machine/device.ts'
import { type QemuStart, startQemu, supervisedCommand } from './process.ts'

const folder = mkdtempSync(join(tmpdir(), 'qemu process, '))
afterAll(() => rmSync(folder, { recursive: true }))

const QEMU = 'qemu-system-x86_64'
function machine(more: Partial<QemuStart['plan']> = {}): QemuStart['plan'] {
  return {
    qemu: { path: QEMU, version: '' },
    args: [
      ['-machine', 'none'],
      ['-display', 'none'],
    ],
    channels: [],
    locks: [],
    ...more,
  }
}

async function refusalOf(start: QemuStart): Promise<BringupError> {
  const qemu = await startQemu(start)
  const error = await qemu.ready.then(
    () => undefined,
    (e: unknown) => e,
  )
  qemu.kill()
  await qemu.exited
  if (error instanceof BringupError) return error
  throw new Error('was not refused', { cause: error })
}

test('the command is one chain of programs that replace themselves', () => {
  const locks: FileLock[] = [
    { path: '/a b', mode: 'exclusive' },
    { path: '/c', mode: 'shared' },
  ]
  expect(supervisedCommand([QEMU, '-S'], locks).join(' ')).toMatchInlineSnapshot(
    `"setpriv --pdeathsig KILL -- flock --no-fork --exclusive --nonblock --conflict-exit-code 77 /a b flock --no-fork --shared --nonblock --conflict-exit-code 77 /c qemu-system-x86_64 -S"`,
  )
})

describe('a QEMU that starts', () => {
  test('is one process in a group of its own, and quits', async () => {
    const qmpLogPath = join(folder, 'qmp.jsonl')
    const qemu = await startQemu({ plan: machine(), qmpLogPath })
    await qemu.ready
    const stat = readFileSync(`/proc/${qemu.pid}/stat`, 'utf8')
    expect(stat).toContain('(qemu-system-x86)')
    expect(Number(stat.split(') ')[1]?.split(' ')[2])).toBe(qemu.pid)
    qemu.quit(5000)
    expect(await qemu.exited).toEqual({ status: 0, signal: null, stderr: '', lastWords: '', diagnostics: [] })
    expect(qemu.hasExited).toBe(true)
    const lines = readFileSync(qmpLogPath, 'utf8').trimEnd().split('\n')
    expect(lines.map((line) => Object.keys(JSON.parse(line) as object)[1])).toEqual([
      'received',
      'sent',
      'received',
      'sent',
      'received',
      'received',
    ])
    qemu.quit(5000)
    qemu.kill()
  })

  test('is killed', async () => {
    const qemu = await startQemu({ plan: machine() })
    await qemu.ready
    qemu.kill()
    expect(await qemu.exited).toMatchObject({ status: null, signal: 'SIGKILL', diagnostics: [] })
  })

  test('is killed by the deadline when it does not answer', async () => {
    const qemu = await startQemu({ plan: machine() })
    await qemu.ready
    process.kill(qemu.pid, 'SIGSTOP')
    qemu.quit(50)
    expect(await qemu.exited).toMatchObject({ signal: 'SIGKILL' })
  })

  test('has channels both ways', async () => {
    const channels = [
      { id: 'console', purpose: 'console', label: 'serial 0' },
      { id: 'monitor', purpose: 'bulk', label: 'monitor' },
    ] as const
    const args = [
      ...machine().args,
      ['-mon', 'chardev=monitor,mode=readline'],
      ['-mon', 'chardev=console,mode=readline'],
    ] as const
    await using qemu = await startQemu({ plan: machine({ channels, args }) })
    await qemu.ready
    const says = async (output: AsyncIterable<unknown>, want: string) => {
      let text = ''
      for await (const chunk of output) {
        text += chunk
        if (text.includes(want)) return true
      }
      return false
    }
    const monitor = qemu.channels.get('monitor')
    if (!monitor) throw new Error('no channel')
    monitor.write('info status\n')
    expect(await says(monitor, 'prelaunch')).toBe(true)
    qemu.console.input.write('info name\ninfo status\n')
    expect(await says(qemu.console.output, 'prelaunch')).toBe(true)
  })
})

describe('a QEMU that does not start', () => {
  test('says why, in its output and always in English', async () => {
    const stderrPath = join(folder, 'stderr.log')
    const qemu = await startQemu({ plan: machine({ args: [['-machine', 'no-such']] }), stderrPath })
    await expect(qemu.ready).rejects.toThrow(BringupError)
    const exit = await qemu.exited
    expect(exit).toMatchObject({ status: 1, diagnostics: [] })
    expect(exit.stderr).toContain('unsupported machine type')
    expect(readFileSync(stderrPath, 'utf8')).toBe(exit.stderr)
  })

  test('is missing', async () => {
    const path = '/no/such/qemu'
    const error = await refusalOf({ plan: machine({ qemu: { path, version: '' } }) })
    expect(error.message).toContain(
      'QEMU_NOT_EXECUTABLE at qemu: /no/such/qemu could not be started: No such file or directory',
    )
    const locked = {
      qemu: { path, version: '' },
      locks: [{ path: join(folder, 'x.img'), mode: 'exclusive' }],
    } as const
    expect((await refusalOf({ plan: machine(locked) })).code).toBe('QEMU_NOT_EXECUTABLE')
  })
})

describe('locks', () => {
  const store = join(folder, 'store, 1.img')
  writeFileSync(store, '')
  const exclusive: FileLock = { path: store, mode: 'exclusive' }
  const shared: FileLock = { path: store, mode: 'shared' }

  test('a second run is refused, and told who holds the store', async () => {
    await using first = await startQemu({ plan: machine({ locks: [exclusive] }) })
    await first.ready
    const error = await refusalOf({ plan: machine({ locks: [exclusive] }) })
    expect(error.message).toContain(
      `STORE_LOCKED: ${store} is held by process ${first.pid} (qemu-system-x86)`,
    )
    expect((await refusalOf({ plan: machine({ locks: [shared] }) })).code).toBe('STORE_LOCKED')
  })

  test('readers share it, and it is free once QEMU was killed', async () => {
    const first = await startQemu({ plan: machine({ locks: [shared] }) })
    await first.ready
    {
      await using second = await startQemu({ plan: machine({ locks: [shared] }) })
      await second.ready
    }
    first.kill()
    await first.exited
    await using third = await startQemu({ plan: machine({ locks: [exclusive] }) })
    await third.ready
  })

  test('a file that cannot be opened is no reason to run without its lock', async () => {
    const error = await refusalOf({
      plan: machine({ locks: [{ path: join(folder, 'none', 'x.img'), mode: 'exclusive' }] }),
    })
    expect(error.code).toBe('STORE_NOT_LOCKED')
    expect(existsSync(join(folder, 'none'))).toBe(false)
    mkdirSync(join(folder, 'held'))
  })

  test('a guest that ends with 77 is a guest, not a lock', async () => {
    const args = [
      ['-machine', 'q35'],
      ['-nodefaults'],
      ['-display', 'none'],
      ['-device', 'isa-debug-exit,iobase=0xf4'],
    ] as const
    await using qemu = await startQemu({ plan: machine({ args, locks: [exclusive] }) })
    await qemu.ready
    // There is no firmware: the write to the port comes from the monitor.
    await qemu.qmp.execute('human-monitor-command', { 'command-line': 'o /b 0xf4 38' }).catch(() => {})
    expect(await qemu.exited).toMatchObject({ status: 77, diagnostics: [] })
  })
})

test('a lock of another program than QEMU is named too', async () => {
  const file = join(folder, 'other.img')
  const holder = spawn('flock', ['--no-fork', file, 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  holder.stdin.write('.')
  await once(holder.stdout, 'data')
  const error = await refusalOf({ plan: machine({ locks: [{ path: file, mode: 'exclusive' }] }) })
  expect(error.message).toContain(`process ${holder.pid} (cat)`)
  holder.stdin.end()
  await once(holder, 'close')
})
