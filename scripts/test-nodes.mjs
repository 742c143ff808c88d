/** `npm run test:nodes`: the unit tests on every Node that we promise, whose binaries come as the npm package `node`. */
import { join } from 'node:path'
import { ROOT, run } from './processes.mjs'

const versions = process.argv.length > 2 ? process.argv.slice(2) : ['20.19', '22', '24']
const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']
const failed = []
for (const version of versions) {
  console.log(`— Node ${version}`)
  const tests = [
    'node',
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--project',
    'unit',
    '--reporter=dot',
  ]
  if ((await run([...npm, 'exec', '--yes', `--package=node@${version}`, '--', ...tests])) !== 0)
    failed.push(version)
}
console.log(
  failed.length === 0 ? `passed on Node ${versions.join(', ')}` : `failed on Node ${failed.join(', ')}`,
)
process.exitCode = failed.length === 0 ? 0 : 1
