/** What was built and is older than what it is built from: said where the last build is booted as it is. Reads only. */
import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { inputsOf, outputsOf } from './actions.ts'
import { type BuildGraph, type BuildTarget, selectTargets } from './graph.ts'
import type { Stamps } from './stamps.ts'
import { isCurrentTarget } from './target.ts'

export const problems = defineDiagnostics({
  BUILD_OUTDATED: {
    severity: 'warning',
    title: 'The last build is older than a file that it is built from.',
    why: 'with --no-build, changes since the last build have no effect',
    remedy: 'omit --no-build, or build first: `bringup build`',
  },
})

/**
 * A finding for each target of which an input is newer than an output. Programs such as make do not say what they read:
 * for those only the inputs that the target names are compared.
 */
export function outdatedTargets(
  graph: BuildGraph,
  { folder, stamps }: { readonly folder: string; readonly stamps: Stamps },
): readonly Diagnostic[] {
  return selectTargets(graph, []).flatMap((target) => {
    const stamp = stamps[target.id]
    // A check-out changes the times of files and not what they hold.
    if (stamp && isCurrentTarget(target, stamp, folder)) return []
    return outdated(target, folder)
  })
}

function outdated(target: BuildTarget, folder: string): readonly Diagnostic[] {
  const inputs = inputsOf(target).flatMap((path) => filesAt(folder, path))
  const outputs = outputsOf(target).flatMap((path) => filesAt(folder, path))
  const newest = inputs.toSorted((a, b) => b.mtimeMs - a.mtimeMs)[0]
  const oldest = outputs.toSorted((a, b) => a.mtimeMs - b.mtimeMs)[0]
  if (!newest || !oldest || newest.mtimeMs <= oldest.mtimeMs) return []
  const what = `${oldest.path} of target "${target.id}" is older than ${newest.path}`
  return [problems.BUILD_OUTDATED.at('--no-build', what)]
}

interface File {
  readonly path: string
  readonly mtimeMs: number
}

/** A folder stands for all files in it. */
function filesAt(folder: string, path: string): readonly File[] {
  const absolute = resolve(folder, path)
  const stats = statSync(absolute, { throwIfNoEntry: false })
  if (!stats) return []
  if (!stats.isDirectory()) return [{ path, mtimeMs: stats.mtimeMs }]
  return readdirSync(absolute).flatMap((name) => filesAt(folder, join(path, name)))
}
