/**
 * Seconds of the first hour's commands, from an empty folder and an empty cache: `node scripts/measure-first-hour.mjs`.
 * Packs this checkout (built before: `npm run build`), installs it with npm, and prints a table in Markdown. Each command
 * runs as a user types it; the second time shows what the caches are worth.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './processes.mjs'

const PACKED = ['pack', '--ignore-scripts', '--silent', '--pack-destination']
const CONFIG = `import { defineConfig } from 'bringup'

export default defineConfig({
  machines: {
    default: { cpu: 2, numa: 2, devices: [{ kind: 'nvdimm', id: 'pm0', size: '16M', node: 1 }] },
  },
})
`
const TEST = `import { expect, test } from 'bringup/test'

test('the NVDIMM is on its node', async ({ guest }) => {
  await expect(guest).toSeeDevice('nvdimm', { node: 1 })
})
`

const folder = mkdtempSync(join(tmpdir(), 'first-hour-'))
try {
  const [tarball] = run(ROOT, ['npm', ...PACKED, folder])
    .stdout.trim()
    .split('\n')
  const developer = project('developer', {})
  const author = project('author', { 'bringup.config.ts': CONFIG, 'nvdimm.test.ts': TEST })
  const packed = join(folder, tarball)
  const bringup = (words) => ['npx', 'bringup', ...words.split(' ')]
  const rows = [
    row(developer, 'npm install --save-dev bringup', ['npm', 'install', '--save-dev', packed]),
    ...twice(developer, bringup('doctor')),
    ...twice(developer, bringup('run --numa 2 --cores 2 --nvdimm 64M,node=1')),
    ...twice(developer, bringup('run --profile linux -- uname -r')),
    row(author, 'npm install --save-dev bringup vitest', ['npm', 'install', '--save-dev', packed, 'vitest']),
    ...twice(author, ['npx', 'vitest', 'run']),
  ]
  const [{ model = 'unknown CPU' } = {}] = cpus()
  const load = loadavg().map((value) => value.toFixed(1))
  console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${model},`)
  console.log(`${Math.round(totalmem() / 2 ** 30)} GiB, load ${load.join(' ')} at the end\n`)
  console.log('| command | first time | again |\n| --- | --- | --- |')
  for (const [command, ...seconds] of merged(rows)) console.log(`| \`${command}\` | ${seconds.join(' | ')} |`)
} finally {
  rmSync(folder, { recursive: true })
}

function project(name, files) {
  const path = join(folder, name)
  mkdirSync(path)
  writeFileSync(join(path, 'package.json'), '{ "type": "module" }')
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text)
  return path
}

function twice(cwd, argv) {
  return [0, 1].map(() => row(cwd, argv.join(' '), argv))
}

function row(cwd, name, argv) {
  const begin = performance.now()
  run(cwd, argv)
  return [name, ((performance.now() - begin) / 1000).toFixed(1)]
}

/** The first and the second time of each command, side by side. */
function merged(rows) {
  const times = new Map()
  for (const [name, seconds] of rows) times.set(name, [...(times.get(name) ?? []), seconds])
  return [...times].map(([name, [first, again = '']]) => [name, first, again])
}

/** What fails is shown and ends the measurement: seconds of a failed command say nothing. */
function run(cwd, [program, ...args]) {
  const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache'), NO_COLOR: '1' }
  const done = spawnSync(program, args, { cwd, encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] })
  if (done.status === 0) return done
  throw new Error(`${program} ${args.join(' ')}: exit ${done.status}\n${done.stdout}${done.stderr}`)
}
