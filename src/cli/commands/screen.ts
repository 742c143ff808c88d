/** `bringup screen`: what a guest draws, as text and as a picture. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { SCREEN_FILES } from '../../guest/screen-watch.ts'
import { plural } from '../../plural.ts'
import { callRun } from '../../runs/control-client.ts'
import { screenAnswerSchema } from '../../runs/control-protocol.ts'
import { findGuest, findRun, readRun } from '../../runs/record.ts'
import type { Command, OptionSpec } from '../command.ts'
import { guestThatRuns } from '../find-guest.ts'
import { isPicture } from '../own-outputs.ts'
import { usageError } from '../usage.ts'
import { checkNamedFile, type NamedFile, writeNamedFile } from '../write-file.ts'

export const problems = defineDiagnostics({
  SCREEN_NOT_KEPT: {
    title: 'The record of a run has no screen.',
    why: 'a screen is kept of guests with a display that drew something',
    remedy: "give the machine a display: `display: 'std'` (--display std)",
  },
})

interface Shown {
  readonly guest: string
  readonly text: string
  readonly colored: string
  /** Absent of a run that has ended. */
  readonly unread?: number
  readonly isBlank?: boolean
  readonly png?: Buffer
}

function hintOf({ text, unread = 0, isBlank }: Shown): string | undefined {
  if (isBlank === true) return 'nothing is drawn on the screen'
  if (text === '') return 'no text can be read; --png FILE writes the picture'
  return unread === 0 ? undefined : `${plural(unread, 'shape')} could not be read (\ufffd)`
}

const OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--run <run>',
    description:
      'name or id of the run (default: the newest running one; of one that has ended, its last screen)',
    from: 'runs',
  },
  {
    flags: '--display <id>',
    description: 'of several displays: the id of a card, or ID:1 for its second output',
  },
  { flags: '--png <file>', description: 'write the picture to this file', from: 'files' },
  { flags: '--type <text>', description: 'press the keys of this text first; \\n is the return key' },
  { flags: '--keys <names>', description: 'press these keys first, such as "esc f2 ctrl-alt-delete"' },
]

export const command: Command = {
  summary: 'show what a guest draws on its screen, as text or as a picture',
  description:
    'Text is read from the VGA card, or back from the pixels with the fonts in the guest’s memory. No window is needed.',
  arguments: [
    {
      name: '[guest]',
      description: 'name of the guest, or of a run with one guest (default: the only guest)',
    },
  ],
  options: OPTIONS,
  examples: [
    { command: 'bringup screen', says: 'of the only guest that runs' },
    { command: 'bringup screen --png screen.png', says: 'as a picture too' },
    { command: 'bringup screen --display second', says: 'of the card with this id, where there are several' },
    { command: "bringup screen --type 'help\\n'", says: 'type into the guest, then look' },
    { command: 'bringup screen --run last', says: 'the last screen of a run that has ended' },
  ],
  run: async ({ args, options, output, project, signal }) => {
    const picture: NamedFile | undefined =
      typeof options.png === 'string' ? { option: '--png', path: options.png, isOurs: isPicture } : undefined
    if (picture) checkNamedFile(picture)
    const { stateFolder } = await project()
    const keys = keysIn(options)
    const display = typeof options.display === 'string' ? options.display : undefined
    const shown =
      typeof options.run === 'string' && hasEnded(stateFolder, options.run)
        ? kept(stateFolder, { run: options.run, guest: args[0], keys, display })
        : await live(stateFolder, {
            run: options.run,
            guest: args[0],
            keys,
            display,
            png: options.png,
            signal,
          })
    if (picture) {
      if (!shown.png) throw new BringupError([problems.SCREEN_NOT_KEPT.at('--png', 'there is no picture')])
      writeNamedFile(picture, shown.png)
    }
    if (output.isJson)
      output.json({
        guest: shown.guest,
        text: shown.text,
        unread: shown.unread,
        isBlank: shown.isBlank,
        png: options.png,
      })
    else output.raw(`${output.isTerminal ? shown.colored : shown.text}\n`)
    const hint = hintOf(shown)
    if (hint !== undefined) output.note(hint)
    return 0
  },
}

function keysIn({ type, keys }: Readonly<Record<string, unknown>>): string | readonly string[] | undefined {
  if (typeof type === 'string' && typeof keys === 'string')
    throw usageError('--type and --keys are given', 'press one after the other, with two commands')
  if (typeof type === 'string')
    return type.replace(/\\([nt\\])/g, (_, char: string) => ({ n: '\n', t: '\t' })[char] ?? char)
  return typeof keys === 'string' ? keys.split(/\s+/).filter(Boolean) : undefined
}

const hasEnded = (stateFolder: string, run: string) =>
  readRun(findRun(stateFolder, run)).summary.verdict !== 'running'

interface Wanted {
  readonly guest: string | undefined
  readonly keys: string | readonly string[] | undefined
  readonly display: string | undefined
}

async function live(
  stateFolder: string,
  {
    run: wanted,
    guest: name,
    keys,
    display,
    png,
    signal,
  }: Wanted & { readonly run: unknown; readonly png: unknown; readonly signal: AbortSignal },
): Promise<Shown> {
  const { run, guest } = guestThatRuns(stateFolder, { wanted: name, run: wanted })
  const request = {
    op: 'screen',
    guest,
    withPicture: typeof png === 'string',
    ...(keys === undefined ? {} : { keys }),
    ...(display === undefined ? {} : { display }),
  } as const
  const { screen } = screenAnswerSchema.parse(await callRun(run, request, { signal }).done)
  const { png: picture, ...text } = screen
  return { guest, ...text, ...(picture === undefined ? {} : { png: Buffer.from(picture, 'base64') }) }
}

/** @throws BringupError SCREEN_NOT_KEPT, RUN_NOT_FOUND, RUN_GUEST_UNKNOWN */
function kept(
  stateFolder: string,
  { run, guest: name, keys, display }: Wanted & { readonly run: string },
): Shown {
  if (display !== undefined)
    throw usageError(
      `run ${run} has ended`,
      'of a run that has ended, the last screen of its main display is kept',
    )
  if (keys !== undefined) throw usageError(`run ${run} has ended`, 'keys can be pressed while a guest runs')
  const guest = findGuest(findRun(stateFolder, run), name)
  const read = (file: string) => {
    const path = join(guest.path, file)
    return existsSync(path) ? readFileSync(path) : undefined
  }
  const text = read(SCREEN_FILES.text)?.toString().trimEnd()
  const png = read(SCREEN_FILES.picture)
  if (text === undefined && png === undefined)
    throw new BringupError([
      problems.SCREEN_NOT_KEPT.at('--run', `guest ${guest.name} of run ${guest.run} kept no screen`),
    ])
  return { guest: guest.name, text: text ?? '', colored: text ?? '', ...(png ? { png } : {}) }
}
