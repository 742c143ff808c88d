/**
 * Step: the kernel is started with these words. Settings are written, the boot loader’s own updater makes its menu of
 * them, and every file that it may touch is kept byte for byte, to be put back.
 */
import { basename, dirname } from 'node:path'
import * as z from 'zod'
import { defineDiagnostics } from '../../diagnostics.ts'
import type { HostCommand } from '../../steps/host-command.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import { file, writeCommands } from '../../steps/kinds/file.ts'
import { defineStep, type Json } from '../../steps/step.ts'
import { splitCommandLine } from '../kernel-arguments.ts'
import { kernelsIn, passesWords } from './grub-text.ts'
import { optionsIn, withoutWords } from './loader-entry.ts'

export const problems = defineDiagnostics({
  BOOT_MENU_UNREADABLE: {
    title: 'A file of the boot loader is unreadable for this user.',
    why: 'without its content it could not be restored',
    remedy: 'run this as root',
  },
})

const schema = z.object({
  /** For the kernel’s command line. */
  words: z.array(z.string()).min(1),
  /** The file of settings, with its whole new content. */
  settings: z.object({ path: z.string().startsWith('/'), content: z.string(), mode: z.string() }).optional(),
  /** Makes the menu of the settings, as root. */
  update: z.array(z.string()),
  /** What the updater writes: GRUB’s menu, or entries of the Boot Loader Specification. */
  menu: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('grub'), path: z.string().startsWith('/') }),
    z.object({ kind: z.literal('entries'), paths: z.array(z.string().startsWith('/')), entry: z.string() }),
  ]),
})

type Params = z.output<typeof schema>

interface Kept {
  readonly [key: string]: Json
  readonly path: string
  readonly base64: string
  readonly mode: string
  readonly owner: string
}

type Before = { readonly settings: Json; readonly files: readonly Kept[] }

export const bootParameters = defineStep<Params, Before>({
  kind: 'boot-parameters',
  schema,
  needs: ['root', 'reboot'],
  describe: ({ words }) => `start the kernel with ${words.join(' ')}`,
  async check(params, host) {
    const files = keepFiles(params, host)
    if (typeof files === 'string')
      return { state: 'blocked', diagnostics: [problems.BOOT_MENU_UNREADABLE.at('', files)] }
    const settings = await checkSettings(params, host)
    if (settings.state === 'blocked') return settings
    const isWritten = settings.state === 'done' && isInMenu(params, files)
    if (isWritten)
      return isRunning(params, host)
        ? { state: 'done', detail: 'the running kernel was started with them' }
        : { state: 'reboot', detail: 'the boot loader has them; the running kernel was started without' }
    const write = settings.state === 'change' ? settings.commands : []
    const update = params.update.length > 0 ? [asRoot({ argv: params.update })] : []
    return {
      state: 'change',
      detail: `by ${params.settings?.path ?? params.update.join(' ')}`,
      before: { settings: settings.state === 'change' ? settings.before : null, files },
      commands: [...write, ...update],
    }
  },
  async undo(params, before, host) {
    const settings = await undoSettings(params, before, host)
    if (settings.state === 'blocked') return settings
    const write = settings.state === 'change' ? settings.commands : []
    const menu = undoMenu(params, before, host)
    if (write.length + menu.length === 0) {
      const detail = isRunning(params, host)
        ? 'it is as it was; the RAM is back after a reboot'
        : 'it is as it was'
      return { state: 'done', detail }
    }
    return { state: 'change', detail: 'restore the boot loader’s files', commands: [...write, ...menu] }
  },
})

function settingsStep({ settings, words }: Params) {
  return settings && { ...settings, asRoot: true, why: words.join(' ') }
}

async function checkSettings(params: Params, host: HostReader) {
  const wanted = settingsStep(params)
  return wanted ? file.check(wanted, host) : ({ state: 'done', detail: '' } as const)
}

async function undoSettings(params: Params, before: Before, host: HostReader) {
  const wanted = settingsStep(params)
  // The settings were so before: they are not ours to take away.
  if (!wanted || before.settings === null) return { state: 'done', detail: '' } as const
  return file.undo(wanted, before.settings as Parameters<typeof file.undo>[1], host)
}

/** All files that the updater may write, as they are; the path of one that may not be read. */
function keepFiles({ menu }: Params, host: HostReader): readonly Kept[] | string {
  const paths = menu.kind === 'grub' ? [menu.path] : menu.paths.flatMap((path) => filesAt(path, host))
  const kept: Kept[] = []
  for (const path of paths) {
    try {
      const content = host.read(path)
      const stats = host.stat(path)
      if (!content || !stats) continue
      const mode = (stats.mode & 0o7777).toString(8)
      kept.push({ path, base64: content.toString('base64'), mode, owner: `${stats.uid}:${stats.gid}` })
    } catch {
      return path
    }
  }
  return kept
}

/** A folder stands for its entries. */
function filesAt(path: string, host: HostReader): readonly string[] {
  if (host.stat(path)?.isDirectory() !== true) return [path]
  return (host.list(path) ?? []).filter((name) => name.endsWith('.conf')).map((name) => `${path}/${name}`)
}

function isInMenu({ menu, words }: Params, files: readonly Kept[]): boolean {
  if (menu.kind === 'grub') return files.some((f) => passesWords(textOf(f), words))
  // Where no updater makes them, the settings are the entry.
  if (menu.paths.length === 0) return true
  // The entry that is started may have been written anew under the name of another version.
  return files.some((f) => {
    const options = optionsIn(textOf(f))
    return dirname(f.path) === dirname(menu.entry) && words.every((word) => options.includes(word))
  })
}

function isRunning({ words }: Params, host: HostReader): boolean {
  const running = splitCommandLine(host.read('/proc/cmdline')?.toString() ?? '')
  return words.every((word) => running.includes(word))
}

function undoMenu(params: Params, before: Before, host: HostReader): readonly HostCommand[] {
  const now = keepFiles(params, host)
  if (typeof now === 'string') return []
  return params.menu.kind === 'grub'
    ? now.flatMap((current) => undoGrub(params, current, before.files))
    : now.flatMap((current) => undoEntry(params, current, before.files))
}

/** The menu as it was, unless kernels have come or gone since: then the updater makes one without the words. */
function undoGrub(params: Params, current: Kept, before: readonly Kept[]): readonly HostCommand[] {
  const old = before.find((f) => f.path === current.path)
  if (!old || isSame(old, current)) return []
  const isOfSameKernels = kernelsIn(textOf(old)).join() === kernelsIn(textOf(current)).join()
  if (isOfSameKernels) return putBack(old, old.base64)
  return passesWords(textOf(current), params.words) ? [asRoot({ argv: params.update })] : []
}

/** An entry as it was; from one that has come since, the words go. */
function undoEntry({ words }: Params, current: Kept, before: readonly Kept[]): readonly HostCommand[] {
  const text = textOf(current)
  const old = before.find((f) => f.path === current.path)
  if (old && isSame(old, current)) return []
  const isOurs = words.some((word) => splitCommandLine(text).includes(word))
  if (!isOurs || basename(current.path).startsWith(FALLBACK_PREFIX)) return []
  const stripped = Buffer.from(withoutWords(text, words)).toString('base64')
  return putBack(current, old?.base64 ?? stripped)
}

/** Names of entries that are kept to fall back on begin so, and are sorted last. */
export const FALLBACK_PREFIX = '0-before-bringup'

function putBack({ path, mode, owner }: Kept, base64: string): readonly HostCommand[] {
  return writeCommands({ path, asRoot: true }, { base64 }, { mode, owner })
}

function textOf({ base64 }: Kept): string {
  return Buffer.from(base64, 'base64').toString()
}

function isSame(a: Kept, b: Kept): boolean {
  return a.base64 === b.base64 && a.mode === b.mode
}

function asRoot(command: HostCommand): HostCommand {
  return { ...command, asRoot: true, whenOrphaned: 'finish' }
}
