/**
 * Kernels by their build system, where no profile knows the tree: cargo, Meson, CMake, make. What comes out of the build
 * is read from its files as far as they say it plainly; else it is a guess, and said to be one.
 */
import { type Rule, readMakefile } from './makefile.ts'
import { type BootedBy, qemuCommandIn } from './qemu-command.ts'
import type { ConfigSketch, SketchEntry, SourceTree } from './tree.ts'

export type Recogniser = (tree: SourceTree) => ConfigSketch | undefined

type Commands = readonly string[] | readonly (readonly string[])[]

/** A config with `kernel`, and a remark where what it boots is a guess. */
function kernelSketch(
  about: Pick<ConfigSketch, 'what' | 'because'>,
  build: Commands,
  output: {
    readonly key: BootedBy['key']
    readonly path: string | readonly string[]
    readonly isGuess: boolean
    readonly bus?: BootedBy['bus']
  },
): ConfigSketch {
  const entry: SketchEntry = {
    key: 'kernel',
    value: {
      build,
      [output.key]: output.path,
      ...(output.bus === 'virtio' ? { bus: output.bus } : {}),
    },
    comment: [
      'How it is built, and what comes out: `image` for a kernel that QEMU loads (bzImage, PVH or multiboot ELF),',
      '`disk` for a raw disk image with a boot sector, `iso`, `floppy`, `esp` for a folder with EFI/BOOT/BOOTX64.EFI.',
    ],
  }
  return {
    ...about,
    entries: [entry],
    remarks: output.isGuess ? [`the path ${output.path} is a guess: correct kernel.${output.key}`] : [],
  }
}

/** `[package] name`, `[build] target` and the like: a quoted value of a key, in a section of a TOML file. */
function tomlText(text: string, section: string, key: string): string | undefined {
  const body = new RegExp(`^\\[${section}\\]\\s*$([\\s\\S]*?)(?=^\\[|(?![\\s\\S]))`, 'm').exec(text)?.[1]
  return body && new RegExp(`^\\s*${key}\\s*=\\s*"([^"]*)"`, 'm').exec(body)?.[1]
}

/** Cargo packages, and workspaces with a member that is a program without the standard library. */
const cargo: Recogniser = (tree) => {
  const manifest = tree.read('Cargo.toml')
  if (manifest === undefined) return undefined
  const members = /^\[workspace\]/m.test(manifest) ? membersOf(manifest, tree) : []
  const folder = ['.', ...members].find((f) => isBareProgram(tree, f)) ?? '.'
  const name = tomlText(
    tree.read(folder === '.' ? 'Cargo.toml' : `${folder}/Cargo.toml`) ?? '',
    'package',
    'name',
  )
  const config = tree.read('.cargo/config.toml') ?? tree.read('.cargo/config') ?? ''
  const target = tomlText(config, 'build', 'target')
  // A target file such as `x86_64-kernel.json` gives a folder of its name without the ending.
  const triple = target === undefined ? '' : `${target.replace(/^.*\//, '').replace(/\.json$/, '')}/`
  return kernelSketch(
    {
      what: `cargo ${folder === '.' ? 'package' : 'workspace with the kernel'} ${name ?? ''}`.trim(),
      because: 'Cargo.toml',
    },
    ['cargo', 'build', ...(folder === '.' || name === undefined ? [] : ['--package', name])],
    { key: 'image', path: `target/${triple}debug/${name ?? 'kernel'}`, isGuess: name === undefined },
  )
}

function membersOf(manifest: string, tree: SourceTree): readonly string[] {
  const list = /^members\s*=\s*\[([^\]]*)\]/m.exec(manifest)?.[1] ?? ''
  return [...list.matchAll(/"([^"]+)"/g)].flatMap(([, member = '']) =>
    member.endsWith('/*')
      ? tree.list(member.slice(0, -2)).map((name) => `${member.slice(0, -2)}/${name}`)
      : [member],
  )
}

const isBareProgram = (tree: SourceTree, folder: string) =>
  /^#!\[no_main\]/m.test(tree.read(`${folder}/src/main.rs`) ?? '')

const cmake: Recogniser = (tree) => {
  const text = tree.read('CMakeLists.txt')
  if (text === undefined) return undefined
  const program = /^\s*add_executable\s*\(\s*([\w.+-]+)/im.exec(text)?.[1]
  return kernelSketch(
    { what: 'CMake project', because: 'CMakeLists.txt' },
    [
      ['cmake', '-S', '.', '-B', 'build'],
      ['cmake', '--build', 'build'],
    ],
    { key: 'image', path: `build/${program ?? 'kernel'}`, isGuess: program === undefined },
  )
}

const meson: Recogniser = (tree) => {
  const text = tree.read('meson.build')
  if (text === undefined) return undefined
  const program = /\bexecutable\s*\(\s*'([^']+)'/.exec(text)?.[1]
  return kernelSketch(
    { what: 'Meson project', because: 'meson.build' },
    [
      ['meson', 'setup', 'build'],
      ['meson', 'compile', '-C', 'build'],
    ],
    { key: 'image', path: `build/${program ?? 'kernel'}`, isGuess: program === undefined },
  )
}

const MAKEFILES = ['GNUmakefile', 'makefile', 'Makefile']

/** Files that a makefile has rules for, the ones most likely to boot first. */
const BOOTABLE: readonly (readonly [BootedBy['key'], RegExp])[] = [
  ['iso', /\.iso$/],
  ['floppy', /(?:floppy[\w.-]*|\.flp|\.fd)$/i],
  ['disk', /\.(img|hdd|raw)$/],
  ['image', /(\.elf|bzImage|vmlinux)$/],
]

/** Rules that make nothing but a run, in the order in which people call them. */
const RUNS = ['run', 'qemu', 'start', 'boot', 'emulate', 'test', 'all']

const make: Recogniser = (tree) => {
  const file = MAKEFILES.find(tree.has)
  const text = file === undefined ? undefined : tree.read(file)
  if (file === undefined || text === undefined) return undefined
  const about = { what: 'make project', because: file }
  const { rules } = readMakefile(text)
  const targets = rules.flatMap((rule) => rule.targets)
  const booted = bootedIn(tree, rules)
  if (booted) return bootedSketch(about, booted, targets)
  const found = BOOTABLE.flatMap(([key, pattern]) =>
    targets
      .filter((path) => pattern.test(path) && !/[$%]/.test(path))
      .map((path) => ({ key, path, more: [] })),
  )
  const [output] = found
  if (output)
    return bootedSketch(
      about,
      output,
      targets.filter((name) => name === 'image'),
    )
  const build = targets.includes('image') ? ['make', 'image'] : ['make']
  return kernelSketch(about, build, { key: 'image', path: 'build/kernel.elf', isGuess: true })
}

/** The command by which the tree itself boots: of a rule that people call for it, else of any, else of a script. */
function bootedIn(tree: SourceTree, rules: readonly Rule[]): BootedBy | undefined {
  const place = ({ targets }: Rule) => {
    const known = targets.map((target) => RUNS.indexOf(target)).filter((at) => at >= 0)
    return Math.min(...known, RUNS.length)
  }
  const commands = rules.toSorted((a, b) => place(a) - place(b)).flatMap((rule) => rule.commands)
  const scripts = tree.list().filter((name) => /^(run|qemu|start|boot)[\w-]*(\.sh)?$/.test(name))
  const lines = scripts.flatMap(
    (name) =>
      tree
        .read(name)
        ?.replaceAll(/\\\r?\n/g, ' ')
        .split('\n') ?? [],
  )
  return qemuCommandIn(commands) ?? qemuCommandIn(lines)
}

/** The medium is built by its own rule where it has one. */
function bootedSketch(
  about: Pick<ConfigSketch, 'what' | 'because'>,
  { key, path, more, bus, append, initrd, memory }: BootedBy,
  targets: readonly string[],
): ConfigSketch {
  const made = [path, ...more].filter((file) => targets.includes(file))
  const build = made.length > 0 ? ['make', ...made] : targets.includes('image') ? ['make', 'image'] : ['make']
  const disks = key === 'disk' && more.length > 0 ? [path, ...more] : path
  const sketch = kernelSketch(about, build, { key, path: disks, isGuess: false, bus })
  const boot = { ...(append === undefined ? {} : { append }), ...(initrd === undefined ? {} : { initrd }) }
  const drives = key === 'disk' ? [] : more.map((file) => ({ kind: 'disk', file, bus: 'ide' }))
  const machine = {
    memory: memory ?? '512M',
    ...(Object.keys(boot).length > 0 ? { boot } : {}),
    ...(drives.length > 0 ? { devices: drives } : {}),
  }
  const comment = ['The machine that it runs on, as far as its own QEMU command says it; see `bringup plan`.']
  return {
    ...sketch,
    entries: [...sketch.entries, { key: 'machines', value: { default: machine }, comment }],
  }
}

/** More than one may fit: cargo kernels often have a makefile too, which says how all of it is put together. */
export const BUILD_SYSTEMS: readonly Recogniser[] = [meson, cmake, cargo, make]
