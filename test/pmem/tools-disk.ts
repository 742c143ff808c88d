/** A disk with bringup as users get it, the Node that runs this, and the probe kernel; made once per test file. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from '../../src/project/cache-folder.ts'
import { buildProbe } from '../../src/project/probe-build.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Dependencies that are not bundled. */
const DEPENDENCIES = ['jiti', 'zod']

export interface ToolsDisk extends Disposable {
  readonly file: string
}

/** An ext4 file system without partitions; label `tools`. */
export async function makeToolsDisk(): Promise<ToolsDisk> {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-tools-'))
  const content = join(folder, 'content')
  const home = join(content, 'bringup')
  mkdirSync(join(home, 'node_modules'), { recursive: true })
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  const listed = execFileSync('npm', pack, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [{ filename }] = JSON.parse(listed) as [{ filename: string }]
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', home, '--strip-components=1'])
  for (const name of DEPENDENCIES)
    cpSync(join(root, 'node_modules', name), join(home, 'node_modules', name), { recursive: true })
  copyFileSync(process.execPath, join(content, 'node'))
  const probe = await buildProbe({ cacheFolder: cacheFolder() })
  copyFileSync(probe.pvh, join(content, 'probe'))
  const file = join(folder, 'tools.img')
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-L', 'tools', '-d', content, file, '320M'])
  return { file, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}
