/**
 * For tests: a Docker daemon of their own, with a base image made by mmdebstrap. Neither touches the networks, images or
 * containers of this computer; both end with the test.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheFolder } from '../../src/project/cache-folder.ts'

export const BASE_IMAGE = 'bringup-test-base:1'

export interface TestDocker extends AsyncDisposable {
  /** For DOCKER_HOST. */
  readonly host: string
}

/** Both are there, and root may start them. */
export const hasDocker =
  ['dockerd', 'mmdebstrap'].every(
    (name) => existsSync(`/usr/sbin/${name}`) || existsSync(`/usr/bin/${name}`),
  ) && process.getuid?.() === 0

export async function startDocker(): Promise<TestDocker> {
  const folder = mkdtempSync(join(tmpdir(), 'dockerd-'))
  const host = `unix://${folder}/socket`
  const daemon = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'TERM', '--', 'dockerd', '--iptables=false', '--bridge=none', `--host=${host}`],
      ...[`--data-root=${folder}/data`, `--exec-root=${folder}/exec`, `--pidfile=${folder}/pid`],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const ended = once(daemon, 'close')
  let words = ''
  await new Promise<void>((resolve, reject) => {
    daemon.stderr.on('data', (chunk: Buffer) => {
      words += chunk
      if (words.includes('API listen on')) resolve()
    })
    ended.then(() => reject(new Error(words)))
  })
  execFileSync('docker', ['--host', host, 'import', baseArchive(), BASE_IMAGE], { stdio: 'ignore' })
  return {
    host,
    async [Symbol.asyncDispose]() {
      daemon.kill('SIGTERM')
      await ended
      // The daemon leaves a mount behind.
      spawnSync('umount', [`${folder}/exec/netns/default`])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A minimal Debian, made once for this user. */
function baseArchive(): string {
  const folder = join(cacheFolder(), 'test')
  const archive = join(folder, 'base-bookworm.tar')
  if (existsSync(archive)) return archive
  mkdirSync(folder, { recursive: true })
  const partial = `${archive}.${process.pid}.tar`
  execFileSync('mmdebstrap', ['--mode=root', '--variant=minbase', 'bookworm', partial], { stdio: 'ignore' })
  renameSync(partial, archive)
  return archive
}
