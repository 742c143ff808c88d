/** Does what a target says: runs programs, writes files, trees and images. */
import { chmodSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { makeFolder } from '../own-files.ts'
import { plural } from '../plural.ts'
import { readSource, replaceFile, writeAll } from '../project/images/files.ts'
import type { FileSource } from '../project/images/image.ts'
import { problems as imageProblems } from '../project/images/problems.ts'
import { imageInputs, imagePrograms, writeImage } from '../project/images/write.ts'
import type { CommandEnd, Executor, ExecutorCommand } from './executor.ts'
import type { BuildAction, BuildTarget, CheckAction, CommandAction, FileAction, TreeAction } from './graph.ts'
import { missingIn, remedyFor } from './tools.ts'

export const problems = defineDiagnostics({
  BUILD_COMMAND_FAILED: {
    title: 'A command of the build failed.',
    why: 'the target was not built; its complete output is below',
    remedy: 'fix the error and build again; finished targets are not rebuilt',
  },
  BUILD_FOLDER_MISSING: {
    title: 'The folder in which a command is to run does not exist.',
    why: 'the command could not be started',
    remedy: 'correct the folder; it is relative to the project’s folder',
  },
  BUILD_CHECK_FAILED: {
    title: 'A file that a tool wrote lacks required lines.',
    why: 'the tool dropped the setting, often because something that it depends on is missing',
    remedy: 'see the message: the profile gives the remedy',
  },
  BUILD_TREE_FOREIGN: {
    title: 'An output folder of the build holds files that the build did not create.',
    why: 'the folder must hold exactly the files of the profile, and the build never deletes other files',
    remedy: 'move the files away, or delete the folder if you do not need them',
  },
})

/** What actions are done with. */
export interface ActionMeans {
  /** Folder of the project. */
  readonly folder: string
  readonly executor: Executor
  readonly signal: AbortSignal
  readonly onOutput: (chunk: Buffer) => void
  /** Called before a command runs and after it has ended. */
  readonly onCommand: (command: ExecutorCommand, end?: CommandEnd) => void
  /** Files that this target made the last time. */
  readonly made: readonly string[]
  /** Added to the environment of commands, beneath what an action says. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * Does one action.
 *
 * @throws BringupError; plain errors of the file system, such as ENOSPC
 */
export async function act(action: BuildAction, means: ActionMeans): Promise<void> {
  if (action.kind === 'command') return runCommand(action, means)
  if (action.kind === 'tree') return writeTree(action, means)
  if (action.kind === 'file') return writeFile(action, means)
  if (action.kind === 'check') return checkLines(action, means)
  const { folder } = means
  return writeImage(action.image, resolve(folder, action.to), {
    folder,
    run: async (argv, env) => {
      const output: Buffer[] = []
      const { executor, signal } = means
      const end = await executor.run({ argv, cwd: folder, env }, { onOutput: (c) => output.push(c), signal })
      return { exitCode: end.exitCode ?? -1, output: end.problem ?? Buffer.concat(output).toString() }
    },
  })
}

/** The command as it will run. */
export function resolveCommand(
  action: CommandAction,
  { folder, env }: { readonly folder: string; readonly env: Readonly<Record<string, string>> },
): ExecutorCommand {
  return { argv: action.argv, cwd: resolve(folder, action.cwd ?? '.'), env: { ...env, ...action.env } }
}

async function runCommand(action: CommandAction, means: ActionMeans): Promise<void> {
  const command = resolveCommand(action, means)
  if (!statSync(command.cwd, { throwIfNoEntry: false })?.isDirectory())
    throw new BringupError([
      problems.BUILD_FOLDER_MISSING.at('', `there is no folder ${command.cwd} to run ${action.argv[0]} in`),
    ])
  means.onCommand(command)
  const output: Buffer[] = []
  const onOutput = (chunk: Buffer) => {
    output.push(chunk)
    means.onOutput(chunk)
  }
  const end = await means.executor.run(command, { onOutput, signal: means.signal })
  means.onCommand(command, end)
  if (end.exitCode === 0) return
  means.signal.throwIfAborted()
  const how = end.problem ?? (end.signal === null ? `exit code ${end.exitCode}` : `signal ${end.signal}`)
  const evidence = Buffer.concat(output).toString().trimEnd().split('\n')
  const missing = missingIn(evidence)
  const remedy = remedyFor(missing)
  const names = missing.length === 0 ? '' : `; it found no ${missing.join(' and no ')}`
  throw new BringupError([
    problems.BUILD_COMMAND_FAILED.at('', `${action.argv.join(' ')}: ${how}${names}`, {
      evidence,
      ...(remedy === undefined ? {} : { remedy }),
    }),
  ])
}

async function writeTree(action: TreeAction, means: ActionMeans): Promise<void> {
  const root = resolve(means.folder, action.to)
  needSources(Object.values(action.files), means.folder)
  const wanted = new Set(Object.keys(action.files).map((path) => join(root, path)))
  const made = new Set(means.made.map((path) => resolve(means.folder, path)))
  const extra = filesBelow(root).filter((path) => !wanted.has(path))
  const foreign = extra.filter((path) => !made.has(path))
  if (foreign.length > 0)
    throw new BringupError([
      problems.BUILD_TREE_FOREIGN.at(
        '',
        `${root} holds ${plural(foreign.length, 'file')} of another origin than this build`,
        {
          evidence: foreign.slice(0, 10),
        },
      ),
    ])
  for (const path of extra) removeWithFolders(path, root)
  for (const [path, source] of Object.entries(action.files))
    await writeIfChanged(join(root, path), source, means.folder)
}

function filesBelow(root: string): readonly string[] {
  if (!statSync(root, { throwIfNoEntry: false })) return []
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Removes a file, and the folders that are empty then. */
function removeWithFolders(path: string, root: string): void {
  rmSync(path)
  for (
    let folder = dirname(path);
    folder !== root && readdirSync(folder).length === 0;
    folder = dirname(folder)
  )
    rmdirSync(folder)
}

async function writeFile(action: FileAction, { folder }: ActionMeans): Promise<void> {
  needSources([action.source], folder)
  await writeIfChanged(resolve(folder, action.to), action.source, folder)
}

function checkLines({ file, lines, remedy }: CheckAction, { folder }: ActionMeans): void {
  const path = resolve(folder, file)
  const found = new Set(readFileSync(path, 'utf8').split('\n'))
  const missing = lines.filter((line) => !found.has(line))
  if (missing.length === 0) return
  const what = `${path} lacks ${missing.length === 1 ? 'a required line' : `${missing.length} required lines`}`
  throw new BringupError([problems.BUILD_CHECK_FAILED.at('', what, { remedy, evidence: missing })])
}

/** Leaves a file alone that holds the right content already, so that its time stays what it is. */
async function writeIfChanged(to: string, source: FileSource, folder: string): Promise<void> {
  const bytes = readSource(source, folder)
  const mode = source.mode ?? 0o644
  makeFolder(dirname(to), 0o777)
  const stat = statSync(to, { throwIfNoEntry: false })
  if (stat?.size !== bytes.length || !readFileSync(to).equals(bytes))
    await replaceFile(to, (_path, fd) => writeAll(fd, bytes, 0))
  if (((stat?.mode ?? 0o644) & 0o7777) !== mode) chmodSync(to, mode)
}

function needSources(sources: readonly FileSource[], folder: string): void {
  const missing = sources.flatMap((s) =>
    'from' in s && !statSync(resolve(folder, s.from), { throwIfNoEntry: false }) ? [s.from] : [],
  )
  if (missing.length > 0)
    throw new BringupError(
      missing.map((path) => imageProblems.IMAGE_SOURCE_MISSING.at('', `there is no ${path}`)),
    )
}

/** Files and folders that a target reads, as far as it says. */
export function inputsOf({ inputs = [], actions }: BuildTarget): readonly string[] {
  const from = (sources: readonly FileSource[]) => sources.flatMap((s) => ('from' in s ? [s.from] : []))
  const implied = actions.flatMap((action) => {
    if (action.kind === 'tree') return from(Object.values(action.files))
    if (action.kind === 'file') return from([action.source])
    return action.kind === 'image' ? imageInputs(action.image) : []
  })
  return [...new Set([...inputs, ...implied])]
}

/** Files and folders that a target makes, as far as it says. */
export function outputsOf({ outputs = [], actions }: BuildTarget): readonly string[] {
  return [...new Set([...outputs, ...actions.flatMap((a) => ('to' in a ? [a.to] : []))])]
}

/** Programs that a target runs. */
export function programsOf({ actions }: BuildTarget): readonly string[] {
  return actions.flatMap((action) => {
    if (action.kind === 'command') return [action.argv[0]]
    return action.kind === 'image' ? imagePrograms(action.image) : []
  })
}
