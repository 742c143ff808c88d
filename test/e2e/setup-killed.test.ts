/** `bringup setup` that is killed while the real apt fetches a package from a slow archive: the download ends with it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { SETUP_CONFIG, setsOf } from '../support/setup-config.ts'
import { type ThrowAwayRoot, throwAwayRoot } from '../support/throw-away-root.ts'

/** A net only. */
const UNHURRIED = { timeout: 1_000_000, interval: 50 }

const DEPENDENCY = { kind: 'program', program: 'slow-program', packages: 'slow-program', why: 'is a test' }

/** A package with a program and half a megabyte that does not compress. */
const MAKE_PACKAGE = `set -e
mkdir -p /root/slow/DEBIAN /root/slow/usr/bin /root/slow/usr/share/slow
printf '#!/bin/sh\\necho it runs\\n' > /root/slow/usr/bin/slow-program; chmod 755 /root/slow/usr/bin/slow-program
head -c 500000 /dev/urandom > /root/slow/usr/share/slow/data
printf 'Package: slow-program\\nVersion: 1\\nArchitecture: all\\nMaintainer: A Test <a@b.c>\\nDescription: slow\\n' > /root/slow/DEBIAN/control
mkdir /root/archive; dpkg-deb --build --root-owner-group /root/slow /root/archive/slow.deb > /dev/null; rm -r /root/slow
cd /root/archive; { dpkg-deb --field slow.deb; echo Filename: ./slow.deb; echo Size: $(stat -c %s slow.deb)
echo SHA256: $(sha256sum slow.deb | cut -d ' ' -f 1); } > Packages`

/** Serves the archive; while it is slow, of the package only the first bytes come. */
async function slowArchive(folder: string) {
  const state = { isSlow: true }
  let began: (response: ServerResponse) => void = () => {}
  const download = new Promise<ServerResponse>((resolve) => {
    began = resolve
  })
  const server = createServer(({ url = '' }, response) => {
    const name = url.slice(url.lastIndexOf('/') + 1)
    if (!readdirSync(folder).includes(name)) return void response.writeHead(404).end()
    const bytes = readFileSync(join(folder, name))
    response.writeHead(200, { 'content-length': bytes.length })
    if (!state.isSlow || name !== 'slow.deb') return void response.end(bytes)
    response.write(bytes.subarray(0, 10_000))
    began(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { state, download, port: (server.address() as AddressInfo).port }
}

/** Processes below that root, with their words. */
function processesIn({ folder }: ThrowAwayRoot): readonly { readonly pid: number; readonly words: string }[] {
  const root = realpathSync(folder)
  return readdirSync('/proc').flatMap((pid) => {
    try {
      if (!/^\d+$/.test(pid) || readlinkSync(`/proc/${pid}/root`) !== root) return []
      return [{ pid: Number(pid), words: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') }]
    } catch {
      return []
    }
  })
}

test('a download ends with bringup, and is gone on with', async () => {
  using root = throwAwayRoot()
  expect(root.run(['sh', '-c', MAKE_PACKAGE])).toMatchObject({ status: 0 })
  const { state, download, port } = await slowArchive(join(root.folder, 'root/archive'))
  for (const name of ['sources.list', 'sources.list.d'])
    rmSync(join(root.folder, 'etc/apt', name), { recursive: true, force: true })
  writeFileSync(join(root.folder, 'etc/apt/sources.list'), `deb [trusted=yes] http://127.0.0.1:${port} ./\n`)
  mkdirSync(join(root.folder, 'root/project'))
  writeFileSync(join(root.folder, 'root/project/bringup.config.mjs'), SETUP_CONFIG)
  const env = { SETS: setsOf([DEPENDENCY]) }
  const bringup = (...args: string[]) => ['bringup', ...args, '--project', '/root/project']
  // Not `run`: the archive is served by this process.
  const run = (argv: readonly string[]) => {
    const [program = '', ...words] = root.words(argv, { env })
    return execa(program, words, { reject: false, stdin: 'ignore' })
  }
  expect(await run(['apt-get', 'update'])).toMatchObject({ exitCode: 0 })

  // The shell stays: with the first process of the namespace, everything would end anyway.
  const setup = ['sh', '-c', '"$@"; exec sleep inf', 'sh', ...bringup('setup', 'build', '--yes')]
  const [first = '', ...rest] = root.words(setup, { env })
  const child = spawn(first, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const response = await download
  const aborted = once(response, 'close')
  const found = processesIn(root).filter(({ words }) => /^\S*node\S* .*\bsetup build\b/.test(words))
  expect(found, said).toHaveLength(1)
  process.kill(found[0]?.pid ?? -1, 'SIGKILL')
  await aborted
  const fetchers = () => processesIn(root).filter(({ words }) => /\bapt/.test(words))
  await expect.poll(fetchers, UNHURRIED).toEqual([])

  state.isSlow = false
  const resumed = await run(bringup('resume', '--yes'))
  expect(resumed.exitCode, resumed.stderr).toBe(0)
  expect(root.run(['slow-program']).stdout).toBe('it runs\n')
})
