/** `bringup nvdimm` as its users run it: the built command, real stores, real machines that hold them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { errorJson, nvdimmJson } from '../../src/cli/shapes.ts'
import { KiB, MiB } from '../../src/units.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bringup nvdimm, '))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const bringup = (...args: string[]) =>
  execa(process.execPath, [BIN, ...args], { cwd: folder, reject: false, stdin: 'ignore' })

async function json(...args: string[]) {
  const { stdout, exitCode, stderr } = await bringup('nvdimm', ...args, '--json')
  expect(exitCode, stdout).toBe(0)
  expect(stderr).toBe('')
  return nvdimmJson.parse(JSON.parse(stdout)) as never as Readonly<Record<string, unknown>>
}

async function codes(...args: string[]): Promise<readonly string[]> {
  const { stdout, exitCode } = await bringup('nvdimm', ...args, '--json')
  expect(exitCode).toBe(2)
  return errorJson.parse(JSON.parse(stdout)).diagnostics.map((d) => d.code)
}

/** A run whose guest goes on until it is ended; resolves when the guest has said that it is there. */
async function running(...args: string[]) {
  const child = spawn(process.execPath, [BIN, 'run', '--append', 'ready-hang', ...args], {
    cwd: folder,
    stdio: 'ignore',
  })
  const runs = join(folder, '.bringup/runs')
  const isReady = () => {
    const open = existsSync(runs)
      ? readdirSync(runs).filter((run) => !existsSync(join(runs, run, 'result.json')))
      : []
    const logs = open
      .map((run) => join(runs, run, 'guests/default/console.log'))
      .filter((log) => existsSync(log))
    return logs.some((log) => readFileSync(log, 'utf8').includes('"ready"'))
  }
  // The log of a run that another process writes has no event here.
  while (child.exitCode === null && !isReady()) await after(10)
  return child
}

describe('bringup nvdimm', () => {
  test('makes, shows, lets grow, copies and removes a store', async () => {
    expect(await json('list')).toEqual({ stores: [] })
    const made = await json('create', 'scratch', '100M', '--align', '128M', '--label', '128K')
    expect(made).toMatchObject({
      name: 'scratch',
      size: 128 * MiB,
      label: 128 * KiB,
      isClean: null,
      machines: [],
    })
    expect(await codes('create', 'scratch', '128M')).toEqual(['STORE_EXISTS'])
    expect(await codes('create', 'scratch', '128M', '--discard')).toEqual(['CONFIRMATION_NEEDED'])
    expect(await codes('resize', 'scratch', '64M')).toEqual(['STORE_WOULD_SHRINK'])
    expect(await json('resize', 'scratch', '256M')).toMatchObject({ size: 256 * MiB, label: 128 * KiB })
    expect(await json('clone', 'scratch', './a copy.img', '--label', '0')).toMatchObject({
      name: null,
      bytes: 256 * MiB,
      label: 0,
    })
    expect(await json('list')).toMatchObject({ stores: [{ name: 'scratch', lockedBy: null }] })
    expect(await codes('remove', 'scratch')).toEqual(['CONFIRMATION_NEEDED'])
    expect(await json('remove', 'scratch', 'a copy.img', '--yes')).toMatchObject({ removed: { length: 2 } })
    expect(await codes('show', 'scratch')).toEqual(['STORE_UNKNOWN'])
    expect(readdirSync(folder)).toEqual(['.bringup'])
  })

  test('lists memory, and neither label files nor disks', async () => {
    writeFileSync(
      join(folder, 'bringup.config.json'),
      JSON.stringify({
        machines: {
          default: {
            devices: [
              { kind: 'nvdimm', id: 'pm0', size: '64M' },
              { kind: 'cxl', id: 'cxl0', type: 'persistent', size: '256M' },
              { kind: 'disk', id: 'data', size: '1M', persist: true },
            ],
          },
        },
      }),
    )
    const stores = join(folder, '.bringup/stores/default')
    mkdirSync(stores, { recursive: true })
    for (const name of ['pm0.img', 'cxl0.img', 'cxl0.img.labels', 'data.img'])
      writeFileSync(join(stores, name), Buffer.alloc(4096))
    const { stores: listed } = (await json('list')) as { stores: readonly { path: string }[] }
    expect(listed.map(({ path }) => path.slice(stores.length + 1))).toEqual(['cxl0.img', 'pm0.img'])
  })

  test('knows the run that used it last, that one still runs, and that one was killed', async () => {
    expect((await bringup('run')).exitCode).toBe(0)
    expect(await json('show', 'default/pm0')).toMatchObject({
      isClean: true,
      lastUse: { machine: 'default', device: 'pm0', end: 'guest-ended' },
      machines: [{ machine: 'default', device: 'pm0' }],
    })
    const child = await running()
    const { lockedBy, lastUse } = (await json('show', 'default/pm0')) as {
      lockedBy: { pid: number }
      lastUse: { end: string; run: string }
    }
    expect(lastUse.end).toBe('running')
    expect(readFileSync(`/proc/${lockedBy.pid}/cmdline`, 'utf8')).toContain('qemu-system')
    for (const attempt of [
      ['resize', 'default/pm0', '256M'],
      ['clone', 'default/pm0', 'b'],
      ['remove', 'default/pm0', '-y'],
    ])
      expect(await codes(...attempt)).toEqual(['STORE_IN_USE'])
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    expect(await json('show', 'default/pm0')).toMatchObject({
      isClean: false,
      lastUse: { end: 'unknown', run: lastUse.run },
    })
    const { stdout } = await bringup('plan', '--json')
    expect(JSON.parse(stdout).diagnostics.map((d: { code: string }) => d.code)).toContain(
      'NVDIMM_STORE_UNCLEAN',
    )
    const next = await bringup('run')
    expect(next.exitCode, next.stderr).toBe(0)
    expect(next.stdout).toContain('kept what the last boot wrote')
    expect(await json('show', 'default/pm0')).toMatchObject({ isClean: true })
  })

  test('an interrupted run has left its stores as they were, which is no orderly end', async () => {
    const child = await running()
    const ended = once(child, 'exit')
    child.kill('SIGINT')
    await ended
    expect(await json('show', 'default/pm0')).toMatchObject({ isClean: false, lastUse: { end: 'stopped' } })
  })

  test('a description that would hide data or labels is refused, with the way on', async () => {
    const config = (size: string) =>
      writeFileSync(
        join(folder, 'bringup.config.json'),
        JSON.stringify({
          machines: { m: { devices: [{ kind: 'nvdimm', id: 'pm', file: 'pm.img', ...JSON.parse(size) }] } },
        }),
      )
    config('{"size":"32M"}')
    expect((await bringup('run')).exitCode).toBe(0)
    config(`{"size":${32 * MiB - 128 * KiB},"label":"128K"}`)
    const refused = await bringup('run')
    expect(refused.exitCode).toBe(2)
    expect(refused.stderr).toContain('NVDIMM_LABEL_HIDES_DATA')
    expect(refused.stderr).toContain('bringup nvdimm clone')
    await json('clone', 'pm.img', 'with-label.img', '--label', '128K')
    rmSync(join(folder, 'pm.img'))
    rmSync(join(folder, 'pm.img.bringup.jsonl'))
    await json('clone', 'with-label.img', './pm.img')
    config('{"size":"32M","label":"128K"}')
    const { stdout, exitCode } = await bringup('run')
    expect(exitCode).toBe(0)
    expect(stdout).toContain('kept what the last boot wrote')
    config(`{"size":${32 * MiB + 128 * KiB}}`)
    expect((await bringup('run')).stderr).toContain('NVDIMM_LABEL_EXPOSED')
    config('{"size":"64M","label":"128K"}')
    const smaller = await bringup('run')
    expect(smaller.stderr).toContain('NVDIMM_FILE_SMALLER')
    expect(smaller.stderr).toContain('bringup nvdimm resize')
    await json('resize', 'pm.img', '64M')
    expect((await bringup('run')).stdout).toContain('kept what the last boot wrote')
  })

  test('explains a machine, and a file; the kernel’s own word is in it', async () => {
    const machine = await json('explain')
    expect(machine).toMatchObject({
      subject: 'machine default',
      verdicts: [
        { event: 'guest reboot', answer: 'yes' },
        { event: 'guest crash', answer: 'yes' },
        { event: 'QEMU killed', answer: 'yes' },
        { event: 'host power loss', answer: 'not guaranteed' },
        { event: 'visible to other machines', answer: 'no' },
      ],
    })
    const conditions = machine.conditions as readonly { condition: string; isMet: boolean; because: string }[]
    expect(conditions.find((c) => c.condition === 'MAP_SYNC')).toMatchObject({
      isMet: false,
      because: expect.stringContaining('Operation not supported'),
    })
    // Asked, and nothing made.
    expect(readdirSync(folder)).toEqual([])
    await json('create', './pm.img', '16M')
    expect(await json('explain', 'pm.img')).toMatchObject({ subject: join(folder, 'pm.img') })
    expect((await bringup('nvdimm', 'explain')).stdout).toMatch(/host power loss +not guaranteed/)
    expect(await codes('explain', 'no-such')).toEqual(['STORE_UNKNOWN'])
  })

  test.runIf(process.getuid?.() === 0)('says whose fault it is where nothing may be written', async () => {
    writeFileSync(join(folder, 'theirs.img'), 'x'.repeat(4096))
    const asNobody = await execa(
      'setpriv',
      [
        '--reuid',
        '65534',
        '--clear-groups',
        process.execPath,
        BIN,
        'nvdimm',
        'create',
        '/root/x.img',
        '1M',
        '--json',
      ],
      { cwd: '/', reject: false, env: { HOME: '/nonexistent' }, stdin: 'ignore' },
    )
    expect(errorJson.parse(JSON.parse(asNobody.stdout)).diagnostics[0]?.code).toBe('STORE_OPERATION_FAILED')
  })

  test('a copy that is interrupted leaves nothing', async () => {
    await json('create', './big.img', '4G')
    const fd = openSync(join(folder, 'big.img'), 'r+')
    const piece = Buffer.alloc(MiB, 'data')
    for (let at = 0; at < 512 * MiB; at += MiB) writeSync(fd, piece, 0, MiB, at)
    closeSync(fd)
    const child = spawn(process.execPath, [BIN, 'nvdimm', 'clone', 'big.img', './copy.img'], {
      cwd: folder,
      stdio: 'ignore',
      detached: true,
    })
    const ended = once(child, 'exit')
    await copying(child.pid ?? 0)
    process.kill(-(child.pid ?? 0), 'SIGKILL')
    await ended
    expect(readdirSync(folder).filter((name) => name.startsWith('copy') || name.includes('partial'))).toEqual(
      [],
    )
  })
})

/** Resolves once a `cp` is among the children. */
async function copying(pid: number): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve))
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    const names = children.map((child) => {
      try {
        return readFileSync(`/proc/${child}/comm`, 'utf8').trim()
      } catch {
        return ''
      }
    })
    if (names.includes('cp')) return
  }
}
