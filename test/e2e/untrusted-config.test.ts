/** A config is a program: whose is run, and that help and completion run none. */
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const isRoot = process.getuid?.() === 0
const NOBODY = 65534

let home: string
let project: string
let marker: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'bringup-untrusted-'))
  chmodSync(home, 0o755)
  project = join(home, 'project')
  marker = join(home, 'was-run')
  mkdirSync(join(project, 'below'), { recursive: true })
  mkdirSync(join(home, 'cache'), { mode: 0o700 })
  const config = join(project, 'bringup.config.js')
  writeFileSync(
    config,
    `import { writeFileSync } from 'node:fs'\nwriteFileSync(${JSON.stringify(marker)}, '')\nexport default { machines: { special: {} } }\n`,
  )
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const env = () => ({ XDG_CACHE_HOME: join(home, 'cache'), XDG_CONFIG_HOME: join(home, 'config'), HOME: home })
const bringup = (...args: string[]) =>
  execa(process.execPath, [BIN, ...args], {
    cwd: join(project, 'below'),
    env: env(),
    reject: false,
    stdin: 'ignore',
  })

const ASKING_FOR_HELP = [
  ['--help'],
  ['run', '--help'],
  ['build', '-h'],
  ['completion', 'words', '--', 'run', '--machine', ''],
  ['completion', 'words', '--', 'run', '--'],
  ['completion', 'words', '--', 'build', ''],
]

describe.runIf(isRoot)('a config of another user', () => {
  it('is run by no command, until its folder is trusted', async () => {
    chownSync(join(project, 'bringup.config.js'), NOBODY, NOBODY)
    for (const args of [['machines'], ['run'], ['plan'], ['doctor'], ['build'], ['runs'], ...ASKING_FOR_HELP])
      await bringup(...args)
    expect(existsSync(marker)).toBe(false)
    const refused = await bringup('machines')
    expect(refused.exitCode).toBe(2)
    expect(refused.stderr).toContain('CONFIG_UNTRUSTED')
    expect(refused.stderr).toContain(`bringup trust ${project}`)
    expect((await bringup('trust', project)).exitCode).toBe(0)
    expect((await bringup('machines')).stdout).toContain('special')
    expect((await bringup('trust', '--remove', project)).exitCode).toBe(0)
    expect((await bringup('machines')).exitCode).toBe(2)
    const elsewhere = await bringup('machines', '--project', '.')
    expect(elsewhere.exitCode, elsewhere.stderr).toBe(0)
  })

  it('is refused in a folder that another user can write, and as JSON too', async () => {
    chownSync(project, NOBODY, NOBODY)
    expect((await bringup('machines')).stderr).toContain('belongs to user nobody')
    rmSync(join(project, 'bringup.config.js'))
    writeFileSync(join(project, 'bringup.config.json'), '{"machines":{}}')
    expect((await bringup('machines')).stderr).toContain('CONFIG_UNTRUSTED')
    expect(existsSync(marker)).toBe(false)
  })

  it('of root is run by an ordinary user, and one of a third user is not', async () => {
    const asNobody = (...args: string[]) =>
      execa('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, BIN, ...args], {
        cwd: join(project, 'below'),
        env: { ...env(), XDG_CACHE_HOME: join(home, 'of-nobody'), XDG_CONFIG_HOME: join(home, 'of-nobody') },
        reject: false,
        stdin: 'ignore',
      })
    mkdirSync(join(home, 'of-nobody'), { mode: 0o700 })
    chownSync(join(home, 'of-nobody'), NOBODY, NOBODY)
    writeFileSync(join(project, 'bringup.config.js'), 'export default { machines: { special: {} } }')
    const first = await asNobody('machines')
    // An ordinary user may be unable to search the folder that this repository is in.
    if (first.stderr.includes('Cannot find module')) return
    expect(first.stdout, first.stderr).toContain('special')
    chownSync(join(project, 'bringup.config.js'), 1, 1)
    expect((await asNobody('machines')).stderr).toContain('CONFIG_UNTRUSTED')
  })
})

describe('help and completion', () => {
  it('run no config, not even one of this user, and know what it said before', async () => {
    for (const args of ASKING_FOR_HELP) expect((await bringup(...args)).exitCode).toBe(0)
    expect(existsSync(marker)).toBe(false)
    expect((await bringup('machines')).stdout).toContain('special')
    rmSync(marker)
    expect((await bringup('completion', 'words', '--', 'run', '--machine', '')).stdout).toBe('special')
    expect(existsSync(marker)).toBe(false)
  })
})
