/** What a fresh computer is given: Node, and bringup from its packed tarball as npm installs it. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface FreshTools extends Disposable {
  /** A tar archive with `bin/node`, `node_modules` and `my kernel`; whole sectors long, so that it can be a disk. */
  readonly file: string
}

/** Needs npm and, for the two dependencies, its cache or the registry. The kernel's tree comes without a config. */
export function packFreshTools(): FreshTools {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-walk-'))
  const npm = (...argv: readonly string[]) =>
    execFileSync('npm', argv, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  const [{ filename }] = JSON.parse(
    npm('pack', '--json', '--ignore-scripts', '--pack-destination', folder),
  ) as [{ filename: string }]
  const content = join(folder, 'content')
  mkdirSync(join(content, 'bin'), { recursive: true })
  npm('install', '--prefix', content, '--no-audit', '--no-fund', '--omit=peer', join(folder, filename))
  copyFileSync(process.execPath, join(content, 'bin/node'))
  mkdirSync(join(content, 'my kernel'))
  for (const name of ['Makefile', 'boot.S', 'entry.S', 'kernel.c', 'kernel.ld'])
    copyFileSync(join(root, 'examples/make-kernel', name), join(content, 'my kernel', name))
  const file = join(folder, 'tools.tar')
  execFileSync('tar', ['--create', '--file', file, '--owner=0', '--group=0', '--directory', content, '.'])
  return { file, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}
