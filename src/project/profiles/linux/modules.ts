/** Kernel modules with what they depend on, in an order in which they can be loaded. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { unpack } from './compressed.ts'
import { sectionOf } from './elf.ts'

export interface Module {
  readonly name: string
  /** Relative to the folder of modules: `kernel/drivers/virtio/virtio.ko`. */
  readonly path: string
  readonly content: Buffer
}

/** What a module says of itself in its `.modinfo` section. */
export interface ModuleInfo {
  readonly depends: readonly string[]
  readonly before: readonly string[]
  readonly after: readonly string[]
}

/** `virtio-pci` and `virtio_pci` are one module. */
export const moduleName = (name: string) => name.replaceAll('-', '_')

const nameOfFile = (path: string) =>
  moduleName(path.slice(path.lastIndexOf('/') + 1).replace(/\.ko(\.\w+)?$/, ''))

export function parseModuleInfo(modinfo: Buffer): ModuleInfo {
  const fields = modinfo.toString('latin1').split('\0')
  const all = (key: string) =>
    fields.filter((f) => f.startsWith(`${key}=`)).map((f) => f.slice(key.length + 1))
  const words = all('softdep').flatMap((line) => line.split(/\s+/))
  const between = (from: string) => {
    const at = words.indexOf(from)
    if (at === -1) return []
    const rest = words.slice(at + 1)
    const end = rest.findIndex((word) => word.endsWith(':'))
    return rest
      .slice(0, end === -1 ? undefined : end)
      .filter(Boolean)
      .map(moduleName)
  }
  const depends = all('depends')
    .flatMap((line) => line.split(','))
    .filter(Boolean)
    .map(moduleName)
  return { depends, before: between('pre:'), after: between('post:') }
}

/** The modules of one kernel: `lib/modules/RELEASE`. Files are read when they are asked for. */
export class ModuleFolder {
  readonly #folder: string
  readonly #paths: ReadonlyMap<string, string>
  readonly #builtIn: ReadonlySet<string>

  constructor(folder: string) {
    this.#folder = folder
    this.#paths = new Map(listModules(folder).map((path) => [nameOfFile(path), path]))
    this.#builtIn = new Set(linesOf(join(folder, 'modules.builtin')).map(nameOfFile))
  }

  /** Names that are neither a module nor built in; no file of a module is read. */
  missing(names: readonly string[]): readonly string[] {
    return names.map(moduleName).filter((name) => !this.#builtIn.has(name) && !this.#paths.has(name))
  }

  /**
   * The named modules and all that they depend on, each after what it depends on. Names that are built into the kernel
   * need no module and are left out.
   *
   * @returns `missing`: names that are neither a module nor built in. Soft dependencies that are missing do not count.
   */
  async inLoadOrder(
    names: readonly string[],
  ): Promise<{ readonly modules: readonly Module[]; readonly missing: readonly string[] }> {
    const modules = new Map<string, Module | undefined>()
    const missing: string[] = []
    const visit = async (name: string, isSoft: boolean): Promise<void> => {
      if (modules.has(name) || this.#builtIn.has(name)) return
      const path = this.#paths.get(name)
      if (path === undefined) {
        if (!isSoft) missing.push(name)
        return
      }
      modules.set(name, undefined)
      const content = await readModule(join(this.#folder, path))
      const info = parseModuleInfo(sectionOf(content, '.modinfo') ?? Buffer.alloc(0))
      for (const each of info.before) await visit(each, true)
      for (const each of info.depends) await visit(each, false)
      // A Map keeps the place of the first `set`; what a module depends on must come before it.
      modules.delete(name)
      modules.set(name, { name, path: path.replace(/\.ko\.\w+$/, '.ko'), content })
      for (const each of info.after) await visit(each, true)
    }
    for (const name of names) await visit(moduleName(name), false)
    return { modules: [...modules.values()].filter((m) => m !== undefined), missing }
  }
}

function linesOf(path: string): readonly string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []
}

/** By walking: a package that was unpacked, not installed, has no `modules.dep`. */
function listModules(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.ko(\.\w+)?$/.test(path))
    .sort()
}

/** A module that cannot be unpacked here is given to the guest's kernel as it is. */
async function readModule(path: string): Promise<Buffer> {
  const content = readFileSync(path)
  return (await unpack(content)) ?? content
}
