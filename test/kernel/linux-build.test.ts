import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildJson, runJson } from '../../src/cli/shapes.ts'

/**
 * A Linux kernel from its source: tinyconfig with what bringup's guests need over it, built and booted. Needs flex,
 * bison, bc and libelf-dev, and either a source tree in LINUX_TREE or apt with a linux-source package.
 */
const bin = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'bringup-linux-'))
const project = join(home, 'project')
let tree = process.env.LINUX_TREE ?? ''
afterAll(() => rmSync(home, { recursive: true }))

beforeAll(() => {
  if (tree === '') tree = sourceFromPackage()
  execFileSync('mkdir', [project])
  writeFileSync(join(project, 'more.config'), 'CONFIG_IKCONFIG=y\nCONFIG_IKCONFIG_PROC=y\n')
  writeFileSync(
    join(project, 'bringup.config.json'),
    JSON.stringify({
      profile: 'linux',
      build: { tree, config: 'tinyconfig', fragments: ['more.config'] },
      machines: {
        default: {
          cpu: 2,
          memory: '512M',
          numa: 2,
          devices: [{ kind: 'nvdimm', id: 'pm0', size: '128M', node: 1 }],
        },
      },
    }),
  )
})

/** The newest linux-source package that apt knows, downloaded and unpacked; nothing is installed. */
function sourceFromPackage(): string {
  const names = execFileSync('apt-cache', ['pkgnames', 'linux-source-'], { encoding: 'utf8' })
    .trim()
    .split('\n')
  const [newest = 'linux-source'] = names
    .filter((n) => /^linux-source-[\d.]+$/.test(n))
    .sort()
    .reverse()
  execFileSync('apt-get', ['download', '-q', newest], { cwd: home, stdio: 'pipe' })
  const [deb = ''] = readdirSync(home).filter((name) => name.endsWith('.deb'))
  execFileSync('dpkg', ['-x', deb, 'deb'], { cwd: home })
  const archive = readdirSync(join(home, 'deb/usr/src')).find((name) => /\.tar\.\w+$/.test(name)) ?? ''
  execFileSync('tar', ['xf', join(home, 'deb/usr/src', archive)], { cwd: home })
  return join(home, archive.replace(/\.tar\.\w+$/, ''))
}

function bringup(...argv: readonly string[]) {
  return spawnSync('nice', [process.execPath, bin, ...argv], {
    cwd: project,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
}

test('tinyconfig with fragments is built, outside of the source tree, and boots with its hardware', () => {
  const built = buildJson.parse(JSON.parse(bringup('build', '--json').stdout))
  expect(built).toMatchObject({ result: 'built', diagnostics: [] })
  expect(existsSync(join(tree, '.config'))).toBe(false)
  expect(statSync(join(project, '.bringup/build/linux/arch/x86/boot/bzImage')).size).toBeGreaterThan(500_000)
  const ran = bringup(
    'run',
    '--no-build',
    '--',
    'sh',
    '-c',
    'zcat /proc/config.gz | grep IKCONFIG_PROC; cat /sys/devices/system/node/online; cat /sys/bus/nd/devices/region0/size; uname -r',
  )
  expect(ran.stdout).toMatch(/^CONFIG_IKCONFIG_PROC=y\n0-1\n134217728\n\d+\.\d+\./)
  expect(ran.status).toBe(0)
})

test('a second build has nothing to do; another fragment configures again', () => {
  const state = () => {
    const { targets } = buildJson.parse(JSON.parse(bringup('build', 'config', '--json').stdout))
    return targets.map((t) => ('state' in t ? t.state : undefined))
  }
  expect(state()).toEqual(['current'])
  const image = join(project, '.bringup/build/linux/arch/x86/boot/bzImage')
  const before = statSync(image).mtimeMs
  const result = runJson.parse(JSON.parse(bringup('run', '--json', '--', 'true').stdout))
  expect(result).toMatchObject({ verdict: 'passed', timings: { buildMs: expect.any(Number) } })
  expect(statSync(image).mtimeMs).toBe(before)
  writeFileSync(join(project, 'more.config'), 'CONFIG_NO_SUCH_OPTION_HERE=y\n')
  const failed = buildJson.parse(JSON.parse(bringup('build', 'config', '--json').stdout))
  expect(failed).toMatchObject({
    result: 'failed',
    diagnostics: [{ code: 'BUILD_CHECK_FAILED', evidence: ['CONFIG_NO_SUCH_OPTION_HERE=y'] }],
  })
})
