/** `bringup checkout`: gets a source tree with its submodules. */

import { EXIT_CODES } from '../../guest/verdict.ts'
import { prepareCheckout } from '../../project/checkout/checkout.ts'
import { findSource } from '../../project/checkout/find-source.ts'
import { readMarker } from '../../project/checkout/marker.ts'
import { PROTOCOLS, type Protocol } from '../../project/checkout/protocols.ts'
import type { CheckoutEvent, CheckoutRequest, CheckoutResult } from '../../project/checkout/request.ts'
import type { Command, Invocation } from '../command.ts'
import { formatDiagnostics, reportError } from '../errors.ts'
import type { Output } from '../output.ts'
import { createStatusLine, type StatusLine } from '../status-line.ts'
import { usageError } from '../usage.ts'

/** Enough to use a fast line, too few to annoy a server. */
const DEFAULT_JOBS = 4

const FILTERS = ['blob:none', 'partial'] as const

export const command: Command = {
  summary: 'clone a source tree with its submodules',
  description:
    'Clones a profile’s source tree, or any git repository, with the submodules at their recorded commits. Run it again to go on after a broken connection or an interrupt; in a complete clone it fetches what is new, and moves it to --ref. Where this user has no SSH access, SSH addresses are fetched by HTTPS.',
  arguments: [
    {
      name: '<source>',
      description: 'a profile (linux), or an address that git can clone',
      from: 'sources',
    },
    { name: '[folder]', description: 'target folder (default: the name of the repository)', from: 'folders' },
  ],
  options: [
    {
      flags: '--ref <name>',
      description: 'branch, tag or commit (default: the profile’s, or the server’s default branch)',
    },
    {
      flags: '--protocol <name>',
      description:
        'for SSH addresses: try SSH host by host and use HTTPS where it does not work (auto, the default), or use only one',
      choices: PROTOCOLS,
    },
    { flags: '--depth <count>', description: 'the newest COUNT commits of one branch only' },
    {
      flags: '--filter <kind>',
      description: 'fetch file contents when they are needed: `blob:none`, also called `partial`',
      choices: FILTERS,
    },
    { flags: '--no-submodules', description: 'omit submodules' },
    { flags: '-j, --jobs <count>', description: `submodules fetched at a time (default: ${DEFAULT_JOBS})` },
  ],
  examples: [
    { command: 'bringup checkout linux', says: 'Linux into ./linux' },
    { command: 'bringup checkout linux --depth 1 --ref v6.12', says: 'one release, without its history' },
    {
      command: 'bringup checkout git@github.com:me/os.git src',
      says: 'by SSH if your key works there, else by HTTPS',
    },
    { command: 'bringup checkout ./os copy --no-submodules', says: 'from a folder of this computer' },
  ],
  run,
}

async function run({ args, options, output, signal, project }: Invocation): Promise<number> {
  const numbers = {
    depth: countOf('--depth', options.depth),
    jobs: countOf('--jobs', options.jobs) ?? DEFAULT_JOBS,
  }
  const [word = '', folder] = args
  if (folder === '') throw usageError('the folder has no name')
  const status = createStatusLine(output)
  const source = await findSource(word, async () => (await project()).profiles)
  const request: CheckoutRequest = {
    source,
    protocol: (options.protocol ?? 'auto') as Protocol,
    hasSubmodules: options.submodules !== false,
    jobs: numbers.jobs,
    cwd: process.cwd(),
    env: process.env,
    signal,
    onEvent: (event) => show(event, status),
    ...(folder === undefined ? {} : { folder }),
    ...(options.ref === undefined ? {} : { ref: String(options.ref) }),
    ...(numbers.depth === undefined ? {} : { depth: numbers.depth }),
    ...(options.filter === undefined ? {} : { filter: FILTERS[0] }),
  }
  return carryOut(request, output, status)
}

async function carryOut(request: CheckoutRequest, output: Output, status: StatusLine): Promise<number> {
  const startedAt = performance.now()
  using prepared = await prepareCheckout(request).finally(status.clear)
  if (prepared.state === 'unfinished') output.note(`going on with ${prepared.folder}`)
  try {
    const result = await prepared.run().finally(status.clear)
    const tookMs = Math.round(performance.now() - startedAt)
    output.json({ ...result, tookMs })
    if (!output.isJson) print(result, tookMs, output)
    return EXIT_CODES.passed
  } catch (error) {
    const code = reportError(error, output, request.signal, EXIT_CODES.failed)
    if (code !== EXIT_CODES.internal)
      output.note(
        readMarker(prepared.folder) === undefined
          ? 'Nothing was left behind.'
          : `${prepared.folder} is not complete; run the same command again to go on.`,
      )
    return code
  }
}

function show(event: CheckoutEvent, status: StatusLine): void {
  if (event.kind === 'phase') status.phase(event.what)
  if (event.kind === 'submodule') status.phase(`submodules: ${event.done} of ${event.all}`)
  if (event.kind !== 'progress') return
  const { phase, percent, detail } = event.progress
  const share = percent === undefined ? '' : ` ${percent}%`
  status.detail(`${phase.toLowerCase()}${share}${detail === undefined ? '' : `, ${detail}`}`)
}

function print(result: CheckoutResult, tookMs: number, output: Output): void {
  const { colors } = output
  if (result.diagnostics.length > 0)
    output.error(`${formatDiagnostics(result.diagnostics, output.errorPage)}\n`)
  const said = {
    cloned: 'checked out',
    resumed: 'completed',
    updated: 'updated',
    unchanged: 'nothing to do in',
  }[result.action]
  const at =
    result.ref === null || result.ref.kind === 'commit' ? '' : `${result.ref.kind} ${result.ref.name}, `
  const took = result.action === 'unchanged' ? '' : `, ${(tookMs / 1000).toFixed(1)} s`
  output.print(
    `${colors.green('✓')} ${said} ${colors.bold(result.folder)} ${colors.dim(`(${at}commit ${result.commit.slice(0, 12)}${result.isShallow ? ', shallow' : ''}${took})`)}`,
  )
  for (const { path, commit } of result.submodules)
    output.print(`  ${colors.dim('submodule')} ${path} ${colors.dim(commit.slice(0, 12))}`)
  for (const { from, to } of result.rewrites)
    output.print(`  ${colors.dim('in its .git/config')} ${from}… is fetched from ${to}…`)
}

function countOf(option: string, value: unknown): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^[1-9]\d{0,6}$/.test(value)) return Number(value)
  throw usageError(`${option} wants a whole number above 0, not "${String(value)}"`)
}
