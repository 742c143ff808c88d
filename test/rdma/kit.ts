/** What the outer guest of the RDMA tests is given: the packed tool, kernel modules to load, and programs. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from '../../src/project/cache-folder.ts'
import { packagedKernel } from '../../src/project/profiles/linux/kernel.ts'
import { ModuleFolder } from '../../src/project/profiles/linux/modules.ts'
import { unpackedPackages } from '../../src/project/profiles/linux/packages.ts'
import { linuxProfile } from '../../src/project/profiles/linux.ts'
import { findTool } from '../../src/qemus/installed.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Dependencies that are not bundled. */
const DEPENDENCIES = ['jiti', 'zod']

/** Modules that a computer with RDMA may have, and those that are in its way. */
const MODULES = [
  'dummy',
  'veth',
  'crc32_generic',
  'rdma_rxe',
  'ib_uverbs',
  'ib_umad',
  'rdma_ucm',
  'ib_ipoib',
  'nvme_rdma',
]

/** What a computer with RDMA has installed. */
const PACKAGES = ['kmod', 'libkmod2', 'libibumad3', 'libibverbs1', 'librdmacm1', 'ibverbs-providers']

export interface Kit extends Disposable {
  /** `bringup/dist/cli/bin.js`, `lib/modules/RELEASE`, `bin/rdmacm-mux`, and what is to be laid over `/`: `root`. */
  readonly folder: string
  readonly release: string
}

/** BRINGUP_TEST_MULTIPLEXER, or what `bringup qemu install 7.2 --from apt-source --tools` has built. */
export async function makeKit(
  multiplexer = process.env.BRINGUP_TEST_MULTIPLEXER ?? findTool('rdmacm-mux'),
): Promise<Kit> {
  if (multiplexer === undefined)
    throw new Error('rdmacm-mux is missing: bringup qemu install 7.2 --from apt-source --tools')
  const folder = mkdtempSync(join(tmpdir(), 'bringup-rdma-kit-'))
  const context = {
    folder: join(cacheFolder(), 'linux'),
    signal: new AbortController().signal,
    progress: () => {},
  }
  const kernel = await packagedKernel(
    { kernelPackage: 'linux-image-amd64', needsFullKernel: true, pinFolder: join(root, 'test/rdma/project') },
    context,
  )
  const modules = new ModuleFolder(kernel.modulesFolder ?? '')
  for (const { path, content } of (await modules.inLoadOrder(MODULES)).modules)
    put(join(folder, 'lib/modules', kernel.release, path), content)
  for (const name of readdirSync(kernel.modulesFolder ?? ''))
    if (/^modules\.(builtin|order)/.test(name))
      copyFileSync(join(kernel.modulesFolder ?? '', name), join(folder, 'lib/modules', kernel.release, name))
  mkdirSync(join(folder, 'bin'))
  for (const one of await unpackedPackages(PACKAGES, context))
    cpSync(one, join(folder, 'root'), { recursive: true, verbatimSymlinks: true })
  copyFileSync(multiplexer, join(folder, 'bin/rdmacm-mux'))
  unpackTool(folder)
  await prepareInner(join(folder, 'inner'))
  prepareSecond(join(folder, 'second'))
  // For the second user.
  chmodSync(folder, 0o755)
  return {
    folder,
    release: kernel.release,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Programs of the inner guests. */
const PROGRAMS = ['ibv_devinfo', 'ibv_rc_pingpong', 'rdma_server', 'rdma_client', 'rdma']

/** The project of the inner guests. What they boot is made here, where it takes seconds instead of minutes. */
async function prepareInner(folder: string): Promise<void> {
  mkdirSync(folder)
  writeFileSync(
    join(folder, 'bringup.config.ts'),
    `import { defineConfig, linuxProfile } from 'bringup'
const machine = { profile: 'verbs', accel: 'kvm', memory: '256M', timeout: '50m', devices: [{ kind: 'pvrdma', id: 'r0', device: 'rxe0', network: 'lan' }] } as const
export default defineConfig({
  profiles: [linuxProfile({ name: 'verbs', programs: ${JSON.stringify(PROGRAMS)} })],
  racks: {
    pair: { networks: { lan: {} }, guests: { a: { machine }, b: { machine } } },
    one: { networks: { lan: {} }, guests: { a: { machine } } },
  },
})
`,
  )
  for (const name of ['pair.mjs', 'processes.mjs', 'wrong-hosts.mjs'])
    copyFileSync(join(root, 'test/rdma', name), join(folder, name))
  const profile = linuxProfile({ name: 'verbs', programs: PROGRAMS })
  const stateFolder = join(folder, '.bringup')
  await profile.prepare({
    machine: {
      memory: '256M',
      devices: [
        ...(profile.defaults?.devices ?? []),
        { kind: 'pvrdma', id: 'r0', device: 'rxe0', network: 'lan' },
      ],
    },
    command: [],
    terminal: false,
    projectFolder: folder,
    buildFolder: join(stateFolder, 'build'),
    pinFolder: stateFolder,
    cacheFolder: cacheFolder(),
    signal: new AbortController().signal,
    progress: (what) => process.stderr.write(`${what}\n`),
    buildOptions: {},
  })
}

/** The project of another user of the computer, whose machine never has to answer. */
function prepareSecond(folder: string): void {
  mkdirSync(folder)
  writeFileSync(
    join(folder, 'bringup.config.ts'),
    `import { defineConfig } from 'bringup'
const machine = { accel: 'tcg', memory: '64M', devices: [{ kind: 'pvrdma', id: 'r0', device: 'rxe0', network: 'lan' }] } as const
export default defineConfig({ racks: { one: { networks: { lan: {} }, guests: { a: { machine } } } } })
`,
  )
}

/** bringup as users get it. */
function unpackTool(folder: string): void {
  const home = join(folder, 'bringup')
  mkdirSync(join(home, 'node_modules'), { recursive: true })
  const listed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [{ filename }] = JSON.parse(listed) as [{ filename: string }]
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', home, '--strip-components=1'])
  for (const name of DEPENDENCIES)
    cpSync(join(root, 'node_modules', name), join(home, 'node_modules', name), { recursive: true })
}

function put(path: string, content: Buffer): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}
