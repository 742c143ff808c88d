/** Building in a container: a real daemon, a real image from the dependency sets, the same bytes as outside. */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildJson, containerJson, errorJson } from '../../src/cli/shapes.ts'
import { BASE_IMAGE, hasDocker, startDocker, type TestDocker } from '../support/docker.ts'

const bin = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'bringup container, '))
const folder = join(home, 'probe kernel')
afterAll(() => rmSync(home, { recursive: true, force: true }))

describe.skipIf(!hasDocker)('with a Docker daemon', () => {
  let docker: TestDocker
  const env = () => ({ ...process.env, DOCKER_HOST: docker.host })
  const bringup = (...argv: readonly string[]) =>
    spawnSync(process.execPath, [bin, ...argv], { cwd: folder, encoding: 'utf8', env: env() })
  const containers = () =>
    spawnSync('docker', ['ps', '--all', '--quiet'], { encoding: 'utf8', env: env() }).stdout.trim()

  beforeAll(async () => {
    docker = await startDocker()
    const probe = fileURLToPath(new URL('../../kernels/probe', import.meta.url))
    cpSync(probe, folder, { recursive: true, filter: (path) => !path.endsWith('/build') })
    const container = { base: BASE_IMAGE, packages: ['gcc', 'make', 'binutils', 'libc6-dev'] }
    const kernel = { build: ['make'], image: 'build/probe.elf' }
    writeFileSync(join(folder, 'bringup.config.json'), JSON.stringify({ kernel, container }))
  }, 300_000)
  afterAll(async () => docker?.[Symbol.asyncDispose]())

  test('the Dockerfile is printed; the image is made once, and again when its inputs change', () => {
    const printed = bringup('container', 'build', '--print')
    expect(printed.stdout).toContain('"binutils","gcc","libc6-dev","make"')
    const first = containerJson.parse(JSON.parse(bringup('container', 'build', '--json').stdout))
    expect(first).toMatchObject({ engine: 'docker', wasThere: false })
    const again = containerJson.parse(JSON.parse(bringup('container', 'build', '--json').stdout))
    expect(again).toEqual({ ...first, wasThere: true })
  }, 300_000)

  test('the kernel that is built inside has the bytes of the one built outside, and belongs to the caller', () => {
    const image = join(folder, 'build/probe.elf')
    const hash = () => createHash('sha256').update(readFileSync(image)).digest('hex')
    expect(bringup('build').status).toBe(0)
    const outside = hash()
    rmSync(join(folder, 'build'), { recursive: true })
    const inside = buildJson.parse(JSON.parse(bringup('build', '--container', '--json').stdout))
    expect(inside).toMatchObject({
      result: 'built',
      executor: expect.stringContaining('container bringup-bare:'),
    })
    expect(hash()).toBe(outside)
    expect(statSync(image).uid).toBe(process.getuid?.())
    expect(containers()).toBe('')
  }, 120_000)

  test('a command inside: its output, its exit code, /source, and bringup itself', () => {
    expect(bringup('container', 'run', '--', 'sh', '-c', 'pwd; exit 7')).toMatchObject({
      status: 7,
      stdout: '/source\n',
    })
    const version = spawnSync(process.execPath, [bin, '--version'], { encoding: 'utf8' }).stdout
    expect(bringup('container', 'run', '--', 'bringup', '--version').stdout).toBe(version)
    const piped = spawnSync(process.execPath, [bin, 'container', 'run', '--', 'cat'], {
      cwd: folder,
      encoding: 'utf8',
      env: env(),
      input: 'through and back',
    })
    expect(piped.stdout).toBe('through and back')
  }, 120_000)

  test('another user than root: files made inside are theirs outside', () => {
    chownSync(folder, 1234, 100)
    const words = [...['--reuid=1234', '--regid=100', '--clear-groups', '--'], process.execPath, bin]
    const theirs = {
      ...env(),
      HOME: join(home),
      USER: 'ann',
      XDG_CACHE_HOME: join(tmpdir(), `cache-${process.pid}`),
    }
    // The daemon's socket belongs to root: any user may use it for this test.
    spawnSync('chmod', ['a+rw', docker.host.replace('unix://', '')])
    spawnSync('chmod', ['a+rx', home, docker.host.replace('unix://', '').replace(/\/socket$/, '')])
    const made = spawnSync('setpriv', [...words, 'container', 'run', '--', 'touch', 'made-inside'], {
      cwd: folder,
      encoding: 'utf8',
      env: theirs,
    })
    expect(made.stderr).not.toContain('error')
    expect(statSync(join(folder, 'made-inside'))).toMatchObject({ uid: 1234, gid: 100 })
    rmSync(theirs.XDG_CACHE_HOME, { recursive: true, force: true })
    // Root does not run the config of a folder that belongs to another user.
    chownSync(folder, 0, 0)
  }, 300_000)

  test('bringup is killed: the container and what runs in it are gone', async () => {
    const child = spawn(
      process.execPath,
      [bin, 'container', 'run', '--', 'sh', '-c', 'echo up; exec sleep 1000'],
      {
        cwd: folder,
        env: env(),
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    )
    const ended = once(child, 'exit').then(([code]) => `ended with ${code}`)
    expect(await Promise.race([once(child.stdout, 'data').then(String), ended])).toBe('up\n')
    const id = containers()
    expect(id).not.toBe('')
    child.kill('SIGKILL')
    await expect.poll(() => containers(), { timeout: 1_000_000, interval: 100 }).toBe('')
  }, 120_000)

  test('a base image that does not exist is an error with a remedy', () => {
    const { status, stdout } = bringup('container', 'build', '--base', 'localhost:1/nothing:1', '--json')
    expect(status).toBe(2)
    expect(errorJson.parse(JSON.parse(stdout)).diagnostics[0]?.code).toBe('CONTAINER_BASE_MISSING')
  }, 120_000)

  test('remove leaves nothing', () => {
    expect(bringup('container', 'remove', '--json').status).toBe(0)
    const left = spawnSync('docker', ['image', 'ls', '--quiet', '--filter', 'label=org.bringup.profile'], {
      encoding: 'utf8',
      env: env(),
    })
    expect(left.stdout).toBe('')
    expect(bringup('container', 'remove').stderr).toContain('Nothing to remove.')
  }, 120_000)
})
