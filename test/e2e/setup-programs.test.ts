/** `bringup setup` of programs that no package has, by the real npm, cargo and pip, in a home folder that is discarded. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { findProgram } from '../../src/host/tools.ts'
import { venvInstall } from '../../src/setup/steps/venv-install.ts'
import { stepKinds } from '../../src/step-registry.ts'
import { applyOperation } from '../../src/steps/apply.ts'
import { createHostReader } from '../../src/steps/host-reader.ts'
import { createJournal, listOperations } from '../../src/steps/journal.ts'
import type { Step } from '../../src/steps/step.ts'
import { undoOperation } from '../../src/steps/undo.ts'
import { killWhenStuck } from '../support/progress.ts'
import { SETUP_CONFIG, setsOf } from '../support/setup-config.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))

let home = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'home, '))
  mkdirSync(join(home, 'project'))
  writeFileSync(join(home, 'project/bringup.config.mjs'), SETUP_CONFIG)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(home, { recursive: true })
})

/** Nothing from the home folder of the user who runs the tests gets in, but the Rust toolchain. */
function environment(dependency: object): NodeJS.ProcessEnv {
  const tools = [process.execPath, findProgram('cargo') ?? ''].map((path) => dirname(path))
  // A proxy and its certificates may be needed on the way to the npm registry.
  const others = Object.entries(process.env).filter(([name]) => !/^(XDG_|CARGO|VITEST|NODE_ENV)/.test(name))
  return {
    ...Object.fromEntries(others),
    HOME: home,
    PATH: [...tools, '/usr/bin', '/bin'].join(':'),
    TERM: 'xterm',
    RUSTUP_HOME: process.env.RUSTUP_HOME ?? join(homedir(), '.rustup'),
    CARGO_HOME: join(home, 'cargo'),
    SETS: setsOf([dependency]),
  }
}

const words = (argv: readonly string[]) => [BIN, ...argv, '--project', join(home, 'project')]

function bringup(dependency: object, ...argv: readonly string[]) {
  return spawnSync(process.execPath, words(argv), { encoding: 'utf8', env: environment(dependency) })
}

function succeed(dependency: object, ...argv: readonly string[]): string {
  const { status, stderr, stdout } = bringup(dependency, ...argv)
  expect(status, stderr).toBe(0)
  return `${stdout}${stderr}`
}

/** A folder that stands for crates.io, with this program in these versions. Source: Cargo Book, Source Replacement. */
function registry(name: string, versions: readonly string[]): void {
  mkdirSync(join(home, 'cargo'), { recursive: true })
  const source = join(home, 'crates')
  const config = `[source.crates-io]\nreplace-with = "own"\n[source.own]\ndirectory = "${source}"\n`
  writeFileSync(join(home, 'cargo/config.toml'), config)
  mkdirSync(source, { recursive: true })
  for (const version of versions) {
    const crate = join(source, `${name}-${version}`)
    mkdirSync(join(crate, 'src'), { recursive: true })
    writeFileSync(
      join(crate, 'Cargo.toml'),
      `[package]\nname = "${name}"\nversion = "${version}"\nedition = "2021"\n`,
    )
    writeFileSync(join(crate, 'src/main.rs'), `fn main() { println!("${name} ${version}") }\n`)
    writeFileSync(join(crate, '.cargo-checksum.json'), '{"files":{},"package":null}')
  }
}

test('npm: a program comes, is found, and goes with all that came with it', () => {
  const wanted = { kind: 'npm', program: 'mkdirp', version: '3.0.1', why: 'is a test' }
  const older = { ...wanted, version: '3.0.0' }
  const prefix = join(home, '.local/share/bringup/npm')
  expect(succeed(older, 'setup', 'build', '--yes')).toContain('install mkdirp 3.0.0 by npm')
  expect(succeed(wanted, 'setup', 'build', '--yes')).toContain('it is 3.0.0')
  const say = () => spawnSync(join(prefix, 'bin/mkdirp'), ['--version'], { encoding: 'utf8' }).stdout.trim()
  expect(say()).toBe('3.0.1')
  const again = succeed(wanted, 'setup', 'build', '--json')
  expect(JSON.parse(again.slice(0, again.lastIndexOf('}') + 1))).toMatchObject({ state: 'nothing-to-do' })
  succeed(wanted, 'undo', '--yes')
  expect(say()).toBe('3.0.0')
  succeed(older, 'undo', '--yes')
  expect(existsSync(prefix)).toBe(false)
})

test('cargo: a program comes, gets a newer version, goes back to the older one, and goes', () => {
  registry('own-tool', ['0.1.0', '0.2.0'])
  const wanted = (version: string) => ({ kind: 'cargo', program: 'own-tool', version, why: 'is a test' })
  const program = join(home, 'cargo/bin/own-tool')
  const say = () => spawnSync(program, { encoding: 'utf8' }).stdout
  succeed(wanted('0.1.0'), 'setup', 'build', '--yes')
  expect(say()).toBe('own-tool 0.1.0\n')
  expect(succeed(wanted('0.2.0'), 'setup', 'build', '--yes')).toContain('it is 0.1.0')
  expect(say()).toBe('own-tool 0.2.0\n')
  succeed(wanted('0.2.0'), 'undo', '--yes')
  expect(say()).toBe('own-tool 0.1.0\n')
  succeed(wanted('0.1.0'), 'undo', '--yes')
  expect(readdirSync(join(home, 'cargo/bin'))).toEqual([])
})

test('killed with cargo at work: what cargo has started ends too', async () => {
  registry('slow-tool', ['0.1.0'])
  const started = join(home, 'started')
  writeFileSync(
    join(home, 'crates/slow-tool-0.1.0/build.rs'),
    `fn main() {
      let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
      std::fs::write(${JSON.stringify(`${started}.new`)}, child.id().to_string()).unwrap();
      std::fs::rename(${JSON.stringify(`${started}.new`)}, ${JSON.stringify(started)}).unwrap();
      child.wait().unwrap();
    }`,
  )
  const wanted = { kind: 'cargo', program: 'slow-tool', version: '0.1.0', why: 'is a test' }
  const child = spawn(process.execPath, words(['setup', 'build', '--yes']), {
    env: environment(wanted),
    stdio: 'ignore',
  })
  await vi.waitFor(() => expect(existsSync(started)).toBe(true), { timeout: 1_000_000, interval: 50 })
  const sleeper = `/proc/${readFileSync(started, 'utf8')}`
  expect(existsSync(sleeper)).toBe(true)
  child.kill('SIGKILL')
  await vi.waitFor(() => expect(existsSync(sleeper)).toBe(false), { timeout: 1_000_000, interval: 20 })
  succeed(wanted, 'undo', '--yes')
})

/** A wheel by hand: an archive of a module and of what pip has to know. Source: Python's binary distribution format. */
const WHEEL = `import sys, zipfile
name, folder = sys.argv[1:]
info = name + '-1.0.dist-info/'
files = {name + '.py': 'def main(): print("here")', info + 'METADATA': 'Metadata-Version: 2.1\\nName: ' + name + '\\nVersion: 1.0\\n',
  info + 'WHEEL': 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n',
  info + 'entry_points.txt': '[console_scripts]\\n' + name + ' = ' + name + ':main\\n'}
with zipfile.ZipFile(folder + '/' + name + '-1.0-py3-none-any.whl', 'w') as z:
  for path, text in files.items(): z.writestr(path, text)
  z.writestr(info + 'RECORD', ''.join(p + ',,\\n' for p in [*files, info + 'RECORD']))`

test('pip: two packages in one environment, taken back one after the other', async () => {
  for (const name of ['own_a', 'own_b']) spawnSync('python3', ['-c', WHEEL, name, home])
  vi.stubEnv('HOME', home)
  vi.stubEnv('PIP_NO_INDEX', '1')
  vi.stubEnv('PIP_FIND_LINKS', `file://${encodeURI(home)}`)
  const environment = join(home, 'environment')
  const say = (name: string) => spawnSync(join(environment, 'bin', name), { encoding: 'utf8' }).stdout
  const first = await applied(venvInstall.step({ package: 'own_a', environment }))
  const second = await applied(venvInstall.step({ package: 'own_b', environment }))
  expect([say('own_a'), say('own_b')]).toEqual(['here\n', 'here\n'])
  await second.undo()
  expect(say('own_a')).toBe('here\n')
  expect(existsSync(join(environment, 'bin/own_b'))).toBe(false)
  await first.undo()
  expect(existsSync(environment)).toBe(false)
})

/** Applies one step by the engine; a second time there is nothing to do. */
async function applied(step: Step) {
  const host = createHostReader(new AbortController().signal)
  const root = mkdtempSync(join(home, 'journal-'))
  const journal = createJournal(root, { name: 'test', title: 'a test', steps: [step] })
  const context = { kinds: stepKinds, host, journal, prefix: [], onEvent: () => {} }
  expect(await applyOperation(context)).toEqual({ state: 'done' })
  const kind = await stepKinds(step.kind)
  expect(await kind?.check(step.params, host)).toEqual({ state: 'done', detail: '1.0' })
  return {
    undo: async () => {
      const [operation] = listOperations(root)
      expect(operation?.changes).toHaveLength(1)
      if (operation) await undoOperation(operation, context)
      journal.close()
    },
  }
}

/** On a terminal of script(1): each answer is typed when its question has been asked. */
async function onTerminal(
  dependency: object,
  answers: readonly (readonly [question: RegExp, keys: string])[],
) {
  // script(1) makes a terminal without a size where it has none itself, which some CI systems have too.
  const command = [process.execPath, ...words(['setup', 'build'])].map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: environment(dependency),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  // A question that is never asked would be waited for until the test is over.
  killWhenStuck(child, 600)
  const ended = once(child, 'close')
  const open = [...answers]
  let text = ''
  let seen = 0
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += chunk
    const [question, keys] = open[0] ?? []
    const found = question?.exec(text.slice(seen))
    if (!found) continue
    seen = text.length
    child.stdin.write(keys)
    open.shift()
  }
  const [code] = await ended
  expect(open, text).toEqual([])
  return { code, text }
}

const DOWN = '\u001b[B'
// The last line of the question: all of it is on the screen, and keys are listened to.
const WHAT = /leave it and change nothing[\s\S]*└/
const DO_IT = /Continue\?[\s\S]*└/

test('an operation that failed: left, finished and taken back, as a person on a terminal says', async () => {
  const wanted = { kind: 'cargo', program: 'own-tool', why: 'is a test' }
  const program = join(home, 'cargo/bin/own-tool')
  registry('own-tool', [])
  expect(bringup(wanted, 'setup', 'build', '--yes').status).not.toBe(0)

  const left = await onTerminal(wanted, [[WHAT, `${DOWN}${DOWN}\r`]])
  expect(left.code, left.text).toBe(130)
  registry('own-tool', ['0.1.0'])
  const finished = await onTerminal(wanted, [
    [WHAT, '\r'],
    [DO_IT, 'y'],
  ])
  expect(finished.code, finished.text).toBe(0)
  expect(existsSync(program)).toBe(true)
  succeed(wanted, 'undo', '--yes')

  const missing = { ...wanted, program: 'no-such-tool' }
  expect(bringup(missing, 'setup', 'build', '--yes').status).not.toBe(0)
  const reverted = await onTerminal(wanted, [
    [WHAT, `${DOWN}\r`],
    [DO_IT, 'n'],
  ])
  expect(reverted.text).toContain('Undone.')
  expect(reverted.text).toContain('Nothing was changed.')
  expect(existsSync(program)).toBe(false)
})
