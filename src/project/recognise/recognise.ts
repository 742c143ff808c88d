/** Looks at a source tree, and says what its config should be. */
import { posix } from 'node:path'
import { findProfile, loadBuiltIns } from '../profiles/index.ts'
import { byBuildSystem } from './build-systems.ts'
import type { ConfigSketch, SketchEntry, SourceTree } from './tree.ts'

const MACHINES: SketchEntry = {
  key: 'machines',
  value: { default: { cpu: 2, memory: '512M' } },
  comment: ['The hardware that it runs on: NUMA nodes, NVDIMMs, disks, network cards; see `bringup plan`.'],
}

/**
 * What a folder is: profiles come first, because they know more about a tree than its build system.
 *
 * @param profile Only this profile is tried; a tree that it does not recognise gets a config that names it.
 * @throws BringupError PROFILE_UNKNOWN
 */
export async function recognise(tree: SourceTree, profile?: string): Promise<ConfigSketch> {
  return withMachines(profile === undefined ? await byAnything(tree) : await byProfile(tree, profile))
}

async function byProfile(tree: SourceTree, name: string): Promise<ConfigSketch> {
  const profile = await findProfile(name, { profiles: [] })
  const sketch = profile.recognise?.(tree)
  if (sketch) return sketch
  const system = name === 'bare' ? byBuildSystem(tree) : undefined
  return system ?? { what: profile.summary, because: '', entries: [{ key: 'profile', value: name }] }
}

async function byAnything(tree: SourceTree): Promise<ConfigSketch> {
  for (const profile of await loadBuiltIns()) {
    const sketch = profile.recognise?.(tree)
    if (sketch) return sketch
  }
  const system = byBuildSystem(tree)
  if (system) return system
  const below = tree.list().filter((name) => !NOT_LOOKED_INTO.test(name) && byBuildSystem(within(tree, name)))
  return {
    what: 'Nothing that bringup knows',
    because: '',
    entries: [
      {
        key: 'profile',
        value: 'probe',
        comment: [
          'The bundled kernel, which reports the hardware that it finds. For a kernel of your own, in place of this:',
          "  kernel: { build: ['make'], image: 'build/kernel.elf' },",
        ],
      },
    ],
    remarks: [
      'what is built and booted; until then it is the bundled kernel',
      ...(below.length === 0
        ? []
        : [
            `whether the kernel is in ${below.slice(0, 5).join(', ')}: \`bringup init\` reads the folder that it is called in`,
          ]),
    ],
  }
}

const NOT_LOOKED_INTO = /^(\.|node_modules$|build$|target$|doc|test|example)/i

/** A folder of the tree as a tree of its own. */
function within(tree: SourceTree, folder: string): SourceTree {
  const inside = (path: string) => posix.join(folder, path)
  return {
    folder: posix.join(tree.folder, folder),
    has: (path) => tree.has(inside(path)),
    read: (path) => tree.read(inside(path)),
    list: (path = '.') => tree.list(inside(path)),
  }
}

function withMachines(sketch: ConfigSketch): ConfigSketch {
  return sketch.entries.some((e) => e.key === 'machines')
    ? sketch
    : { ...sketch, entries: [...sketch.entries, MACHINES] }
}
