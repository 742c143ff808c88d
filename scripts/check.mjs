/** `npm run check`: everything that must hold before a change is taken. Runs all of it, then says what failed. */

import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { ensureBuilt } from './install.mjs'
import { ROOT, run } from './processes.mjs'

const bin = (path) => [process.execPath, join(ROOT, 'node_modules', path)]
const script = (name, ...args) => [process.execPath, join(ROOT, 'scripts', name), ...args]

const CHECKS = [
  ['format and lint', [join(ROOT, 'node_modules/.bin/biome'), 'check', '--error-on-warnings']],
  ['types', [...bin('typescript/bin/tsc'), '-p', 'tsconfig.json']],
  ['import borders', script('check-borders.mjs')],
  ['words', script('check-words.mjs')],
  ['unused code', [...bin('knip/bin/knip.js'), '--no-progress']],
  ['generated files', script('generate.mjs', '--check')],
  ['package', [...bin('publint/src/cli.js'), '--strict']],
  ['unit tests', [...bin('vitest/vitest.mjs'), 'run', '--project', 'unit', '--reporter=dot']],
]

const failed = (await ensureBuilt({ withTypes: true })) ? [] : ['build']
for (const [name, argv] of CHECKS) {
  const start = performance.now()
  const status = await run(argv)
  console.log(`${status === 0 ? '✓' : '✗'} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`)
  if (status !== 0) failed.push(name)
}
console.log(failed.length === 0 ? 'all checks passed' : `failed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
