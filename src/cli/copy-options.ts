/** `--copy-in` and `--copy-out` of `bringup run`: files for a guest that shares no folder. */
import { lstatSync } from 'node:fs'
import { resolve } from 'node:path'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { problems as copyProblems } from '../guest/copy.ts'
import type { Guest } from '../guest/guest.ts'
import type { OptionSpec } from './command.ts'
import { problems as usageProblems } from './usage.ts'

export const problems = defineDiagnostics({
  COPY_OUT_MISSED: {
    title: 'The guest ended before files were copied out of it.',
    why: 'files are copied when the command has ended, over a channel that a guest has only while it runs',
    remedy: 'let the command end instead of the guest, or share a folder: --folder out:/out,rw',
  },
})

export const COPY_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--copy-in <host:guest>',
    description: 'copy a file or folder into the guest before the command, such as data:/tmp/data',
    isRepeatable: true,
  },
  {
    flags: '--copy-out <guest:host>',
    description: 'copy it out of the guest after the command, even if that failed: /tmp/out:out',
    isRepeatable: true,
  },
]

interface Copy {
  readonly from: string
  readonly to: string
}

export interface Copies {
  readonly ins: readonly Copy[]
  readonly outs: readonly Copy[]
}

type Values = Readonly<Record<string, unknown>>

/**
 * What is to be copied; paths of this computer are absolute.
 *
 * @throws BringupError with every pair that cannot be read, source that is missing and target that exists
 */
export function copiesOf(options: Values): Copies {
  const wrong: Diagnostic[] = []
  const list = (key: string) => (options[key] as readonly string[] | undefined) ?? []
  const read = (flag: string, text: string, pattern: RegExp, form: string): readonly Copy[] => {
    const [, from, to] = pattern.exec(text) ?? []
    if (from !== undefined && to !== undefined) return [{ from, to }]
    wrong.push(usageProblems.USAGE.at(flag, `"${text}" is not ${form}`, { remedy: `write it as ${form}` }))
    return []
  }
  // The path of the guest is absolute, so a colon in the other one does no harm.
  const ins = list('copyIn').flatMap((text) =>
    read('--copy-in', text, /^(.+):(\/[^:]*)$/s, 'HOST:GUEST with an absolute path GUEST'),
  )
  const outs = list('copyOut').flatMap((text) =>
    read('--copy-out', text, /^(\/[^:]*):(.+)$/s, 'GUEST:HOST with an absolute path GUEST'),
  )
  const exists = (path: string) => lstatSync(path, { throwIfNoEntry: false }) !== undefined
  const copies: Copies = {
    ins: ins.map(({ from, to }) => ({ from: resolve(from), to })),
    outs: outs.map(({ from, to }) => ({ from, to: resolve(to) })),
  }
  wrong.push(
    ...copies.ins
      .filter(({ from }) => !exists(from))
      .map(({ from }) => copyProblems.COPY_SOURCE_MISSING.at('--copy-in', `${from} does not exist`)),
    ...copies.outs
      .filter(({ to }, i) => exists(to) || copies.outs.findIndex((other) => other.to === to) < i)
      .map(({ to }) => copyProblems.COPY_TARGET_EXISTS.at('--copy-out', `${to} exists`)),
  )
  if (wrong.length > 0) throw new BringupError(wrong)
  return copies
}

export async function copyAllIn(guest: Pick<Guest, 'copyIn'>, { ins }: Copies): Promise<void> {
  for (const { from, to } of ins) await guest.copyIn(from, to)
}

/** One that fails does not keep the others. */
export async function copyAllOut(
  guest: Pick<Guest, 'copyOut'>,
  { outs }: Copies,
): Promise<readonly Diagnostic[]> {
  const found: Diagnostic[] = []
  for (const { from, to } of outs) {
    await guest.copyOut(from, to).catch((error: unknown) => {
      if (!(error instanceof BringupError)) throw error
      found.push(...error.diagnostics)
    })
  }
  return found
}

/** For a guest that ended by itself. */
export function missedCopies({ outs }: Copies): readonly Diagnostic[] {
  return outs.map(({ from, to }) =>
    problems.COPY_OUT_MISSED.at('--copy-out', `${from} was not copied to ${to}`),
  )
}
