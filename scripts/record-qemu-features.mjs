/**
 * Writes scripts/qemu-features.json: the features of every QEMU of this computer, as each told them itself.
 * `node scripts/record-qemu-features.mjs`, after `bringup qemu install` of those that the table is to have.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './processes.mjs'

const { stdout, status } = spawnSync(
  process.execPath,
  [join(ROOT, 'dist/cli/bin.js'), 'qemu', 'list', '--json'],
  { encoding: 'utf8' },
)
if (status !== 0) throw new Error(`bringup qemu list ended with ${status}`)
const qemus = JSON.parse(stdout)
  .qemus.map(({ version, packageName, from, features }) => ({
    version,
    package: packageName,
    from,
    features,
  }))
  .toSorted((a, b) => a.version.localeCompare(b.version, 'en', { numeric: true }))
writeFileSync(join(ROOT, 'scripts/qemu-features.json'), `${JSON.stringify(qemus, null, 2)}\n`)
