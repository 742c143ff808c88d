/** `bringup qemu install` from source, with the source package of the distribution: the multiplexer of pvrdma alone. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorJson } from '../../src/cli/shapes.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
/** A build takes minutes where other tests have the CPUs. */
const NET = 1_200_000

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bringup-qemu-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const environment = () => ({
  ...process.env,
  XDG_CACHE_HOME: join(folder, 'cache'),
  XDG_DATA_HOME: join(folder, 'data'),
  XDG_STATE_HOME: join(folder, 'state'),
})
const install = (...args: string[]) =>
  spawnSync(process.execPath, [BIN, 'qemu', 'install', ...args, '--json'], {
    env: environment(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
const installed = () =>
  readdirSync(join(folder, 'data/bringup/qemus')).filter((name) => !name.startsWith('.'))

test('what no version of the distribution has, and what QEMU removed, is refused before anything is downloaded', () => {
  const gone = install('10.0', '--from', 'apt-source', '--tools')
  expect(errorJson.parse(JSON.parse(gone.stdout)).diagnostics[0]).toMatchObject({ code: 'QEMU_FEATURE_GONE' })
  const unknown = install('3.14', '--from', 'apt-source', '--tools')
  const [problem] = errorJson.parse(JSON.parse(unknown.stdout)).diagnostics
  expect(problem?.code).toBe('QEMU_SOURCE_UNKNOWN')
  expect(problem?.remedy).toContain('7.2 (bookworm)')
  expect(existsSync(join(folder, 'cache/bringup/qemu/downloads'))).toBe(false)
})

test('the multiplexer is built, also after Ctrl-C in the middle, which leaves nothing running', {
  timeout: NET,
}, async () => {
  const words = [BIN, 'qemu', 'install', '7.2', '--from', 'apt-source', '--tools']
  const first = spawn(process.execPath, words, { env: environment(), stdio: ['ignore', 'ignore', 'pipe'] })
  for await (const chunk of first.stderr) if (`${chunk}`.includes('configuring QEMU')) first.kill('SIGINT')
  if (first.exitCode === null) await once(first, 'close')
  expect(first.exitCode).toBe(130)
  // The guard ends a moment after what it watched.
  await expect.poll(() => processesIn(folder), { timeout: 60_000 }).toEqual([])
  expect(existsSync(join(folder, 'data/bringup/qemus/7.2.22-tools'))).toBe(false)

  const second = install('7.2', '--from', 'apt-source', '--tools')
  expect(second.status, second.stdout + second.stderr).toBe(0)
  const said = JSON.parse(second.stdout)
  expect(said.tools).toEqual({ 'rdmacm-mux': 'bin/rdmacm-mux' })
  expect(said.from).toMatchObject({
    kind: 'source',
    source: expect.stringContaining('apt-source bookworm 1:7.2'),
  })
  const mux = spawnSync(join(said.folder, 'bin/rdmacm-mux'), { encoding: 'utf8' })
  expect(mux.status).toBe(1)
  expect(mux.stdout + mux.stderr).toContain('Missing RDMA device name')
  expect(installed()).toEqual([said.name])
})

/** Commands of processes that work in the folder. */
function processesIn(path: string): readonly string[] {
  const list = execFileSync('ps', ['-e', '-o', 'pid=,stat=,args='], { encoding: 'utf8' })
  return list.split('\n').filter((line) => line.includes(path) && !/^\s*\d+\s+Z/.test(line))
}
