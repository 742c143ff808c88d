/** Step: a file has exactly this content. Undone byte for byte, with its mode and owner, and the folders made for it. */
import { dirname } from 'node:path'
import * as z from 'zod'
import { defineDiagnostics } from '../../diagnostics.ts'
import { plural } from '../../plural.ts'
import type { HostCommand } from '../host-command.ts'
import type { HostReader } from '../host-reader.ts'
import { defineStep } from '../step.ts'

export const problems = defineDiagnostics({
  FILE_NOT_REGULAR: {
    title: 'A file to be written is a folder, a link or a device.',
    why: 'the change could not be undone',
    remedy: 'move it away, then run this again',
  },
  FILE_CHANGED_SINCE: {
    title: 'A file that bringup wrote was changed by another program since.',
    why: 'restoring the old content would lose that change',
    remedy: 'save the parts that you need, delete the file, then undo again',
  },
  FILE_UNREADABLE: {
    title: 'A file to be written is unreadable for this user.',
    why: 'without its content it could not be restored',
    remedy: 'run this as root',
  },
})

const schema = z.object({
  /** Absolute. */
  path: z.string().startsWith('/'),
  content: z.string(),
  /** Octal, as chmod(1) takes it. */
  mode: z.string().regex(/^[0-7]{3,4}$/),
  /** Written as root; else as the user that bringup runs as. */
  asRoot: z.boolean(),
  /** What it is for. */
  why: z.string(),
})

type Params = z.output<typeof schema>

/** What was there: nothing, or a file. Folders are those that have to be made, outermost first. */
type Before =
  | { readonly was: 'missing'; readonly folders: readonly string[] }
  | {
      readonly was: 'file'
      readonly base64: string
      readonly mode: string
      readonly uid: number
      readonly gid: number
    }

export const file = defineStep<Params, Before>({
  kind: 'file',
  schema,
  needs: [],
  describe: ({ path, why }) => `write ${path}: ${why}`,
  async check(params, host) {
    const there = look(params.path, host)
    if (there === 'unreadable')
      return { state: 'blocked', diagnostics: [problems.FILE_UNREADABLE.at('', params.path)] }
    if (there === 'other')
      return { state: 'blocked', diagnostics: [problems.FILE_NOT_REGULAR.at('', params.path)] }
    if (isAsWanted(params, there)) return { state: 'done', detail: 'up to date' }
    const folders = there ? [] : missingFolders(params.path, host)
    return {
      state: 'change',
      detail: there
        ? `replace ${plural(there.content.length, 'byte')}`
        : `a new file of ${plural(params.content.length, 'byte')}`,
      before: there
        ? {
            was: 'file',
            base64: there.content.toString('base64'),
            mode: there.mode,
            uid: there.uid,
            gid: there.gid,
          }
        : { was: 'missing', folders },
      commands: [
        ...folders.map((folder) => asUser(params, { argv: ['mkdir', folder] })),
        ...writeCommands(params, params.content, { mode: params.mode }),
      ],
    }
  },
  async undo(params, before, host) {
    const there = look(params.path, host)
    const leftover = host.stat(temporary(params.path)) !== undefined
    const cleaning = leftover ? [asUser(params, { argv: ['rm', temporary(params.path)] })] : []
    if (
      there === 'other' ||
      there === 'unreadable' ||
      (there && !isOurs(params, there) && !isAsBefore(there, before))
    )
      return { state: 'blocked', diagnostics: [problems.FILE_CHANGED_SINCE.at('', params.path)] }
    if (before.was === 'missing') {
      const folders = before.folders.toReversed().filter((folder) => host.stat(folder) !== undefined)
      if (!there && !leftover && folders.length === 0) return { state: 'done', detail: 'removed' }
      const removal = there ? [asUser(params, { argv: ['rm', params.path] })] : []
      // A folder with files of others stays.
      const rmdirs = folders.map((folder) =>
        asUser(params, { argv: ['rmdir', '--ignore-fail-on-non-empty', folder] }),
      )
      const isWorth = there || leftover || folders.some((folder) => isEmptyBut(folder, params, host))
      if (!isWorth) return { state: 'done', detail: 'removed; its folder is in use' }
      return { state: 'change', detail: 'remove it', commands: [...cleaning, ...removal, ...rmdirs] }
    }
    if (there && isAsBefore(there, before) && !leftover) return { state: 'done', detail: 'unchanged' }
    const owner = params.asRoot ? { owner: `${before.uid}:${before.gid}` } : {}
    const content = { base64: before.base64 }
    return {
      state: 'change',
      detail: 'restore the previous content',
      commands: writeCommands(params, content, { mode: before.mode, ...owner }),
    }
  },
})

interface There {
  readonly content: Buffer
  readonly mode: string
  readonly uid: number
  readonly gid: number
}

function look(path: string, host: HostReader): There | 'other' | 'unreadable' | undefined {
  const stats = host.stat(path)
  if (!stats) return undefined
  if (!stats.isFile()) return 'other'
  try {
    const content = host.read(path)
    return content && { content, mode: (stats.mode & 0o7777).toString(8), uid: stats.uid, gid: stats.gid }
  } catch {
    return 'unreadable'
  }
}

function isAsWanted(params: Params, there: There | undefined): boolean {
  return (
    there !== undefined &&
    isOurs(params, there) &&
    Number.parseInt(there.mode, 8) === Number.parseInt(params.mode, 8)
  )
}

function isOurs(params: Params, there: There): boolean {
  return there.content.equals(Buffer.from(params.content))
}

function isAsBefore(there: There, before: Before): boolean {
  return (
    before.was === 'file' &&
    there.content.equals(Buffer.from(before.base64, 'base64')) &&
    there.mode === before.mode
  )
}

/** Outermost first. */
function missingFolders(path: string, host: HostReader): readonly string[] {
  const folder = dirname(path)
  return host.stat(folder) ? [] : [...missingFolders(folder, host), folder]
}

function isEmptyBut(folder: string, params: Params, host: HostReader): boolean {
  const entries = host.list(folder) ?? []
  return entries.every(
    (name) => `${folder}/${name}` === params.path || params.path.startsWith(`${folder}/${name}/`),
  )
}

const temporary = (path: string) => `${path}.bringup`

/** Beside it first, on disk, then in its place by one rename: there is never half a file. */
export function writeCommands(
  params: Pick<Params, 'path' | 'asRoot'>,
  content: Exclude<HostCommand['stdin'], undefined>,
  settings: { readonly mode: string; readonly owner?: string },
): readonly HostCommand[] {
  const beside = temporary(params.path)
  const commands: readonly HostCommand[] = [
    { argv: ['dd', `of=${beside}`, 'conv=fsync', 'status=none'], stdin: content },
    ...(settings.owner === undefined ? [] : [{ argv: ['chown', settings.owner, beside] }]),
    { argv: ['chmod', settings.mode, beside] },
    { argv: ['mv', '--no-target-directory', beside, params.path] },
  ]
  return commands.map((command) => asUser(params, command))
}

function asUser(params: Pick<Params, 'asRoot'>, command: HostCommand): HostCommand {
  return params.asRoot ? { ...command, asRoot: true } : command
}
