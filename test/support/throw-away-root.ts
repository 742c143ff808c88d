/**
 * A Debian root file system to break: made once by mmdebstrap and kept in the cache folder, a copy for each test, entered
 * with mount and PID namespaces of its own. Nothing of it outlives the test.
 */
import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from '../../src/project/cache-folder.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const INCLUDE = 'ca-certificates,sudo,passwd,libcap2-bin,python3-minimal'

/** A tar of it, with lists of packages and without packages in its cache. */
function rootArchive(include: string): string {
  const folder = join(cacheFolder(), 'test-roots')
  const path = join(folder, `bookworm-${include.replaceAll(',', '-')}.tar`)
  if (existsSync(path)) return path
  mkdirSync(folder, { recursive: true })
  // The lists are kept, so that what a test does first is its own choice.
  const keep = ['--skip=cleanup/apt/lists', '--aptopt=Acquire::Languages "none"']
  execFileSync('mmdebstrap', [
    '--variant=apt',
    ...keep,
    `--include=${include}`,
    'bookworm',
    `${path}.new.tar`,
  ])
  renameSync(`${path}.new.tar`, path)
  return path
}

export interface ThrowAwayRoot extends Disposable {
  /** Its folder, seen from outside. */
  readonly folder: string
  /** Runs a program in it, as root of it. `before` are words of a shell script that prepares the namespaces. */
  run(argv: readonly string[], options?: RunOptions): SpawnSyncReturns<string>
  /** The words that run a program in it, for tests that start it themselves. */
  words(argv: readonly string[], options?: RunOptions): readonly string[]
}

interface RunOptions {
  /** Shell lines run in the new namespaces before entering; `$1` is the root's folder. */
  readonly prepare?: string
  readonly hasNetwork?: boolean
  readonly env?: Readonly<Record<string, string>>
}

/**
 * Needs root, mmdebstrap and, the first time, the network. `bringup` in it is the built one.
 *
 * @param more packages that it has besides
 */
export function throwAwayRoot(...more: readonly string[]): ThrowAwayRoot {
  const folder = mkdtempSync(join(tmpdir(), 'root-'))
  execFileSync('tar', [
    '--extract',
    '--directory',
    folder,
    '--file',
    rootArchive([INCLUDE, ...more].join(',')),
  ])
  const words = (argv: readonly string[], { prepare = '', hasNetwork = true, env = {} }: RunOptions = {}) => {
    const script = `set -e
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --bind /dev "$1/dev"
mount -t tmpfs tmpfs "$1/run"
touch "$1/usr/local/bin/node"; mount --bind "$2" "$1/usr/local/bin/node"
mkdir -p "$1/opt/bringup"; mount --bind -o ro "$3" "$1/opt/bringup"
ln -sf /opt/bringup/dist/cli/bin.js "$1/usr/local/bin/bringup"
cp --dereference /etc/resolv.conf /etc/hosts "$1/etc/"
${prepare}
root=$1; shift 3; exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"`
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    return [
      ...['unshare', '--mount', '--pid', '--fork', '--kill-child', ...(hasNetwork ? [] : ['--net'])],
      ...['bash', '-c', script, 'enter', folder, process.execPath, repository],
      ...[...variables, 'chroot', folder, ...argv],
    ]
  }
  return {
    folder,
    words,
    run(argv, options) {
      const [program = '', ...args] = words(argv, options)
      return spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
