import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** The package as users get it: packed, unpacked elsewhere, with this checkout's dependencies beside it. */
const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-package-'))
const home = join(folder, 'node_modules/bringup')

beforeAll(() => {
  const listed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [{ filename }] = JSON.parse(listed) as [{ filename: string }]
  mkdirSync(home, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', home, '--strip-components=1'])
  symlinkSync(join(root, 'node_modules'), join(home, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
})
afterAll(() => rmSync(folder, { recursive: true }))

function node(...argv: readonly string[]): string {
  const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') }
  return execFileSync(process.execPath, argv, { cwd: folder, env, encoding: 'utf8' })
}

test('has both entrances, and the values that the guide promises', () => {
  const code = "import * as m from 'bringup'; console.log(JSON.stringify(Object.keys(m)))"
  expect(JSON.parse(node('--input-type=module', '-e', code))).toEqual(
    expect.arrayContaining([
      'launch',
      'planRun',
      'defineConfig',
      'defineMachine',
      'defineProfile',
      'BringupError',
      'MiB',
    ]),
  )
  expect(node('-e', "console.log(require.resolve('bringup/package.json') !== '')")).toBe('true\n')
  expect(
    node(
      '--input-type=module',
      '-e',
      "console.log(import.meta.resolve('bringup/test').endsWith('dist/testing/index.js'))",
    ),
  ).toBe('true\n')
})

test('boots its kernel from where it is installed', () => {
  const result = JSON.parse(node(join(home, 'dist/cli/bin.js'), 'run', '--json')) as {
    verdict: string
    folder: string
  }
  expect(result.verdict).toBe('passed')
  expect(result.folder.startsWith(folder)).toBe(true)
})

test('its types compile strictly with @types/node and nothing else', () => {
  writeFileSync(
    join(folder, 'use.ts'),
    `import { launch, type Guest } from 'bringup'
export async function boot(): Promise<Guest> {
  const guest = await launch({ memory: '64M', numa: 2, cpu: 2 })
  await guest.console.expect(/up/, { timeoutMs: 1000 })
  return guest
}
`,
  )
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
  symlinkSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const flags = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--types', 'node']
  const target = ['--module', 'nodenext', '--target', 'es2023', 'use.ts']
  expect(node(tsc, ...flags, ...target)).toBe('')
})

test('matchers of bringup/test compile with the types of Vitest, and only where they fit', () => {
  writeFileSync(
    join(folder, 'use.test.ts'),
    `import { expect, test } from 'bringup/test'
test('types', async ({ guest }) => {
  await expect(guest).toRun(['true'], { exitCode: 0, stdout: '' })
  await expect({ cpu: 0 }).toBeRefused('CPU_COUNT_ZERO', 'cpu')
  const port: number = guest.port(80)
  const hasEnded: boolean = guest.hasEnded
  // @ts-expect-error: a number is no guest
  await expect(3).toEnd('passed')
  // @ts-expect-error: a guest is no description
  await expect(guest).toBeRefused('X')
})
`,
  )
  const modules = join(folder, 'node_modules')
  for (const scope of ['', '@types', '@vitest']) {
    mkdirSync(join(modules, scope), { recursive: true })
    for (const name of readdirSync(join(root, 'node_modules', scope)))
      if (!name.startsWith('@') && !existsSync(join(modules, scope, name)))
        symlinkSync(join(root, 'node_modules', scope, name), join(modules, scope, name))
  }
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const flags = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--types', 'node']
  const target = ['--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,esnext.disposable,dom']
  expect(node(tsc, ...flags, ...target, 'use.test.ts')).toBe('')
})
