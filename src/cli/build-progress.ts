/** Shows a build while it runs: every line with the target that said it, and in the end what failed, whole. */
import type { BuildEvent, BuildResult } from '../build/build.ts'
import type { TargetResult } from '../build/record.ts'
import type { Diagnostic } from '../diagnostics.ts'
import { coloredLine, screenLine } from '../guest-text.ts'
import { LineSplitter } from '../line-splitter.ts'
import { quoteCommand } from '../quote.ts'
import type { Colors, Output } from './output.ts'

const PAINTS = ['cyan', 'magenta', 'blue', 'yellow', 'green'] as const

export interface BuildProgress {
  readonly onEvent: (event: BuildEvent) => void
  /** Says how it went, each target on a line. */
  readonly end: (result: BuildResult) => void
  /** What is wrong, without output that stands right above already. */
  readonly remaining: (result: BuildResult) => readonly Diagnostic[]
}

export function showBuild(output: Output, { isVerbose }: { readonly isVerbose: boolean }): BuildProgress {
  const { errorColors: colors } = output
  const paints = new Map<string, (text: string) => string>()
  const outputs = new Map<string, LineSplitter>()
  /** Targets whose output stands last and unbroken on the screen. */
  let last: string | undefined
  const prefix = (target: string) => {
    const paint = paints.get(target) ?? colors[PAINTS[paints.size % PAINTS.length] ?? 'cyan']
    paints.set(target, paint)
    return paint(`${target} │`)
  }
  const line = (target: string, text: string) => {
    if (last !== target) last = last === undefined || last === '' ? target : ''
    output.note(`${prefix(target)} ${text}`)
  }
  const show = colors.isColorSupported ? coloredLine : screenLine
  const outputOf = (target: string) => {
    const output = outputs.get(target) ?? new LineSplitter((text) => line(target, show(text)))
    outputs.set(target, output)
    return output
  }
  return {
    onEvent: (event) => {
      if (event.kind === 'waiting')
        output.note(colors.yellow(`waiting for another build of this project, ${event.holder} …`))
      if (event.kind === 'command') {
        // What is shown from here on is whole, unless another target comes between.
        last = undefined
        if (isVerbose) line(event.target, colors.dim(commandText(event.command)))
      }
      if (event.kind === 'output') outputOf(event.target).take(event.chunk)
      if (event.kind === 'end') outputOf(event.target).end()
    },
    end: (result) => {
      for (const target of result.targets) output.note(describeTarget(target, colors))
    },
    remaining: (result) => result.diagnostics.map((d) => (last === d.path ? withoutOutput(d) : d)),
  }
}

/** Its output stands right above already. */
function withoutOutput(diagnostic: Diagnostic): Diagnostic {
  if (diagnostic.code !== 'BUILD_COMMAND_FAILED') return diagnostic
  const { evidence: _, ...rest } = diagnostic
  return { ...rest, why: 'the target was not built; its output is above' }
}

/** A command as it could be typed in the project's folder. */
export function commandText(command: {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string | null>>
}): string {
  const unset = Object.entries(command.env).flatMap(([name, value]) => (value === null ? ['-u', name] : []))
  const set = Object.entries(command.env).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${value}`],
  )
  const words = [...(unset.length + set.length > 0 ? ['env', ...unset, ...set] : []), ...command.argv]
  return quoteCommand(words).join(' ')
}

function describeTarget(target: TargetResult, colors: Colors): string {
  const time =
    target.state === 'built' || target.state === 'failed' ? ` ${(target.ms / 1000).toFixed(2)} s` : ''
  const paint = {
    built: colors.green,
    current: colors.dim,
    failed: colors.red,
    skipped: colors.dim,
    interrupted: colors.yellow,
  }[target.state]
  return `${paint(target.state.padEnd(11))} ${target.id}${colors.dim(time)}`
}
