/** Step: a Rust toolchain with its components and targets, by rustup. Source: the rustup book. */
import * as z from 'zod'
import { findProgram } from '../../host/tools.ts'
import type { HostCommand } from '../../steps/host-command.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import { defineStep } from '../../steps/step.ts'
import { explainDownload } from '../explain-download.ts'

const name = z.string().regex(/^[\w.-]+$/)
const schema = z.object({ channel: name, components: z.array(name), targets: z.array(name) })

interface Before {
  readonly hasToolchain: boolean
  /** What is missing in a toolchain that is there. */
  readonly components: readonly string[]
  readonly targets: readonly string[]
  readonly [key: string]: boolean | readonly string[]
}

export const rustToolchain = defineStep<z.output<typeof schema>, Before>({
  kind: 'rust.toolchain',
  schema,
  needs: ['network'],
  describe: ({ channel, components, targets }) =>
    `install Rust ${channel}${[...components, ...targets].length > 0 ? ` with ${[...components, ...targets].join(', ')}` : ''}`,
  async check(params, host) {
    if (findProgram('rustup') === undefined) return { state: 'later', detail: 'once rustup is installed' }
    const { channel } = params
    const there = await readToolchain(channel, host)
    const components = params.components.filter((c) => !there?.components.includes(c))
    const targets = params.targets.filter((t) => !there?.targets.includes(t))
    if (there && components.length === 0 && targets.length === 0) return { state: 'done', detail: there.name }
    return {
      state: 'change',
      detail: there ? `${there.name} lacks ${[...components, ...targets].join(', ')}` : 'it is not here',
      before: { hasToolchain: there !== undefined, components, targets },
      commands: there
        ? addCommands('add', channel, components, targets)
        : [
            {
              argv: [
                ...['rustup', 'toolchain', 'install', channel, '--profile', 'minimal', '--no-self-update'],
                ...components.flatMap((c) => ['--component', c]),
                ...targets.flatMap((t) => ['--target', t]),
              ],
            },
          ],
    }
  },
  async undo({ channel }, before, host) {
    const there = await readToolchain(channel, host)
    if (!there) return { state: 'done', detail: 'removed' }
    if (!before.hasToolchain) {
      const argv = ['rustup', 'toolchain', 'uninstall', channel]
      return { state: 'change', detail: 'remove it', commands: [{ argv }] }
    }
    const components = before.components.filter((c) => there.components.includes(c))
    const targets = before.targets.filter((t) => there.targets.includes(t))
    const commands = addCommands('remove', channel, components, targets)
    return commands.length === 0
      ? { state: 'done', detail: 'as before' }
      : { state: 'change', detail: 'remove what was added', commands }
  },
  explain: async (_params, lines) => explainDownload(lines),
})

function addCommands(
  verb: 'add' | 'remove',
  channel: string,
  components: readonly string[],
  targets: readonly string[],
): readonly HostCommand[] {
  return [
    ...(components.length > 0
      ? [{ argv: ['rustup', 'component', verb, '--toolchain', channel, ...components] }]
      : []),
    ...(targets.length > 0 ? [{ argv: ['rustup', 'target', verb, '--toolchain', channel, ...targets] }] : []),
  ]
}

export interface ToolchainFact {
  /** As rustup has it: `nightly-2022-11-21-x86_64-unknown-linux-gnu`. */
  readonly name: string
  /** Without the host's triple: `rust-src`, `cargo`. */
  readonly components: readonly string[]
  readonly targets: readonly string[]
}

/** The toolchain of that channel; undefined when it is not installed. */
export async function readToolchain(channel: string, host: HostReader): Promise<ToolchainFact | undefined> {
  const { stdout } = await host.ask(['rustup', 'toolchain', 'list'])
  const found = parseToolchains(stdout).find((t) => t === channel || t.startsWith(`${channel}-`))
  if (found === undefined) return undefined
  const [components, targets] = await Promise.all(
    ['component', 'target'].map((what) =>
      host.ask(['rustup', what, 'list', '--toolchain', found, '--installed']),
    ),
  )
  const triples = lines(targets?.stdout ?? '')
  return {
    name: found,
    components: lines(components?.stdout ?? '').map((c) => withoutTriple(c, triples)),
    targets: triples,
  }
}

/** `stable-x86_64-unknown-linux-gnu (active, default)` a line. Pure. */
export function parseToolchains(text: string): readonly string[] {
  return lines(text).map((line) => line.split(' ')[0] ?? '')
}

function withoutTriple(component: string, triples: readonly string[]): string {
  const triple = triples.find((t) => component.endsWith(`-${t}`))
  return triple === undefined ? component : component.slice(0, -triple.length - 1)
}

function lines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
}
