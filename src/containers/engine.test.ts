import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { BringupError } from '../diagnostics.ts'
import { findEngine, parseInfo, tryEngines } from './engine.ts'

/** Folder that stands for PATH: engines are programs of two lines that say what real ones said. */
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'engines-'))
  vi.stubEnv('PATH', folder)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

function program(name: string, script: string) {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(folder, name), 0o755)
}

const signal = new AbortController().signal
const codes = async () => (await tryEngines(signal)).map((t) => t.problem?.code)

test('neither is there: one error, not two', async () => {
  expect(await codes()).toEqual(['CONTAINER_ENGINE_MISSING', 'CONTAINER_ENGINE_MISSING'])
  const error = (await findEngine(signal).catch((e: unknown) => e)) as BringupError
  expect(error.diagnostics).toHaveLength(1)
})

test.each([
  // Words of Docker 20.10 and 28.2 (the client answers with code 0 or 1 depending on its version).
  [
    'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock',
    'CONTAINER_SOCKET_DENIED',
  ],
  [
    'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
    'CONTAINER_DAEMON_DOWN',
  ],
  ['something else', 'CONTAINER_ENGINE_BROKEN'],
])('%s', async (words, code) => {
  program('docker', `echo '${words}' >&2; exit 1`)
  expect(await codes()).toEqual([code, 'CONTAINER_ENGINE_MISSING'])
  program('docker', `echo '{"ServerErrors":["${words}"]}'`)
  expect(await codes()).toEqual([code, 'CONTAINER_ENGINE_MISSING'])
  const error = (await findEngine(signal).catch((e: unknown) => e)) as BringupError
  expect(error.code).toBe(code)
})

test('what an engine says of itself', () => {
  const docker = JSON.stringify({
    ServerVersion: '20.10.24',
    SecurityOptions: ['name=seccomp,profile=default'],
  })
  expect(parseInfo('docker', docker, 'host\nnull\n')).toEqual({
    name: 'docker',
    version: '20.10.24',
    isRootless: false,
    hasSelinux: false,
    hasOwnNetwork: false,
  })
  const rootless = JSON.stringify({ ServerVersion: '28', SecurityOptions: ['name=rootless', 'name=selinux'] })
  expect(parseInfo('docker', rootless, 'bridge\nhost\n')).toMatchObject({
    isRootless: true,
    hasSelinux: true,
    hasOwnNetwork: true,
  })
  const podman = JSON.stringify({
    version: { Version: '4.3.1' },
    host: { security: { rootless: true, selinuxEnabled: true } },
  })
  expect(parseInfo('podman', podman, '')).toMatchObject({
    version: '4.3.1',
    isRootless: true,
    hasSelinux: true,
  })
})
