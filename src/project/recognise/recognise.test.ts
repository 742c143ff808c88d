import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { planBuild } from '../building.ts'
import { loadProject } from '../project.ts'
import { recognise } from './recognise.ts'
import { sourceTree } from './source-tree.ts'
import { configText } from './write-config.ts'

const home = mkdtempSync(join(tmpdir(), 'bringup init '))
afterAll(() => rmSync(home, { recursive: true }))

interface Fixture {
  readonly name: string
  readonly files: Readonly<Record<string, string>>
  readonly what: string
  /** argv of every command of the build, in order. */
  readonly commands: readonly (readonly string[])[]
  /** What the profile boots. */
  readonly boots?: string
  readonly isGuess?: boolean
}

const FIXTURES: readonly Fixture[] = [
  {
    name: 'make, with rules that say what comes out',
    files: {
      Makefile:
        'all: out/os.img\nCC := gcc\nout/os.img: out/kernel.elf boot.S\n\tcat $^ > $@\nout/kernel.elf: main.o\n',
    },
    what: 'make project',
    commands: [['make']],
    boots: 'out/os.img',
  },
  {
    name: 'make, with an image target and nothing said of files',
    files: { GNUmakefile: '.PHONY: image\nimage: $(KERNEL)\n\t@echo\n' },
    what: 'make project',
    commands: [['make', 'image']],
    boots: 'build/kernel.elf',
    isGuess: true,
  },
  {
    name: 'CMake',
    files: { 'CMakeLists.txt': 'project(os C)\nadd_executable(os.elf main.c)\n', Makefile: 'all:\n' },
    what: 'CMake project',
    commands: [
      ['cmake', '-S', '.', '-B', 'build'],
      ['cmake', '--build', 'build'],
    ],
    boots: 'build/os.elf',
  },
  {
    name: 'Meson',
    files: { 'meson.build': "project('os', 'c')\nk = executable('os.elf', 'main.c')\n" },
    what: 'Meson project',
    commands: [
      ['meson', 'setup', 'build'],
      ['meson', 'compile', '-C', 'build'],
    ],
    boots: 'build/os.elf',
  },
  {
    name: 'a cargo package with a target of its own',
    files: {
      'Cargo.toml': '[package]\nname = "rusty"\nversion = "0.1.0"\n\n[dependencies]\nname = "no"\n',
      'src/main.rs': '#![no_std]\n#![no_main]\n',
      '.cargo/config.toml': '[build]\ntarget = "targets/x86_64-rusty.json"\n',
      Makefile: 'all:\n\tcargo build\n',
    },
    what: 'cargo package rusty',
    commands: [['cargo', 'build']],
    boots: 'target/x86_64-rusty/debug/rusty',
  },
  {
    name: 'a cargo workspace with one kernel among its members',
    files: {
      'Cargo.toml': '[workspace]\nmembers = [\n  "crates/*",\n  "tools",\n]\n',
      'crates/alloc/Cargo.toml': '[package]\nname = "alloc"\n',
      'crates/kernel/Cargo.toml': '[package]\nname = "my-kernel"\n',
      'crates/kernel/src/main.rs': '//! It boots.\n#![no_std]\n#![no_main]\n',
      'tools/src/main.rs': 'fn main() {}\n',
    },
    what: 'cargo workspace with the kernel my-kernel',
    commands: [['cargo', 'build', '--package', 'my-kernel']],
    boots: 'target/debug/my-kernel',
    // Built for this computer's own target, as far as the tree says.
    isGuess: true,
  },
]

async function treeWith(name: string, files: Fixture['files']): Promise<string> {
  const folder = join(home, name)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  mkdirSync(folder, { recursive: true })
  return folder
}

test.each(FIXTURES)(
  '$name: what is recognised loads as a config, and builds what it should',
  async (fixture) => {
    const folder = await treeWith(fixture.name, fixture.files)
    const sketch = await recognise(sourceTree(folder))
    expect(sketch.what).toBe(fixture.what)
    expect((sketch.remarks ?? []).length > 0).toBe(fixture.isGuess ?? false)
    writeFileSync(join(folder, 'bringup.config.ts'), configText(sketch))
    const project = await loadProject({ cwd: folder })
    const planned = await planBuild({ project })
    const actions = planned?.graph.targets.flatMap((t) => t.actions) ?? []
    expect(actions.map((a) => a.kind === 'command' && a.argv)).toEqual(fixture.commands)
    expect(project.kernel?.image ?? project.kernel?.disk).toBe(fixture.boots)
  },
)

test('a Linux tree is known by its profile, which comes before make', async () => {
  const folder = await treeWith('linux', {
    Makefile: 'VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 9\nEXTRAVERSION = -rc1\n\nall:\n',
    Kbuild: '',
    Kconfig: '',
    MAINTAINERS: '',
    'scripts/kconfig/Makefile': '',
    'arch/x86/Kconfig': '',
  })
  const sketch = await recognise(sourceTree(folder))
  expect(sketch.what).toBe('Linux 6.1.9-rc1 source tree')
  writeFileSync(join(folder, 'bringup.config.ts'), configText(sketch))
  const project = await loadProject({ cwd: folder })
  const planned = await planBuild({
    project,
    buildOptions: { config: 'tinyconfig', kernelModules: true },
    jobs: 3,
  })
  expect(planned?.graph.targets.map((t) => t.id)).toEqual(['config', 'bzImage', 'modules'])
  const argv = planned?.graph.targets
    .flatMap((t) => t.actions)
    .flatMap((a) => (a.kind === 'command' ? [a.argv] : []))
  const make = ['make', '-C', folder, `O=${join(folder, '.bringup/build/linux')}`]
  expect(argv).toEqual([
    [...make, 'tinyconfig'],
    expect.arrayContaining(['scripts/kconfig/merge_config.sh', '-m']),
    [...make, 'olddefconfig'],
    [...make, 'olddefconfig'],
    [...make, '-j3', 'bzImage'],
    [...make, '-j3', 'modules'],
    [...make, 'modules_install', expect.stringContaining('INSTALL_MOD_PATH='), 'INSTALL_MOD_STRIP=1'],
  ])
})

test('a folder of which nothing is known gets the bundled kernel, and a word on what to decide', async () => {
  const folder = await treeWith('nothing', {})
  const sketch = await recognise(sourceTree(folder))
  writeFileSync(join(folder, 'bringup.config.ts'), configText(sketch))
  const project = await loadProject({ cwd: folder })
  expect(project.profile).toBe('probe')
  expect(await planBuild({ project })).toBeUndefined()
  expect(sketch.remarks).toHaveLength(1)
})

test('a profile that is named is written, whether it knows the tree or not', async () => {
  const folder = await treeWith('named', { Makefile: 'all:\n' })
  expect((await recognise(sourceTree(folder), 'linux')).entries[0]).toMatchObject({
    key: 'profile',
    value: 'linux',
  })
  expect((await recognise(sourceTree(folder), 'bare')).what).toBe('make project')
  await expect(recognise(sourceTree(folder), 'beos')).rejects.toMatchObject({ code: 'PROFILE_UNKNOWN' })
})

test('any text survives being written', async () => {
  const folder = await treeWith('quotes', {})
  const value = { build: ['sh', "it's", 'a\\b', 'two\nlines'], image: 'a' }
  writeFileSync(
    join(folder, 'bringup.config.ts'),
    configText({ what: 'x', because: '', entries: [{ key: 'kernel', value }] }),
  )
  expect((await loadProject({ cwd: folder })).kernel).toEqual(value)
})
