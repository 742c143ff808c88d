/** `bringup init` in an empty folder: the files of a new project, and the next commands. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BringupError } from '../diagnostics.ts'
import { partialName } from '../own-files.ts'
import { type ScaffoldFile, scaffold } from '../project/recognise/scaffold.ts'
import type { SourceTree } from '../project/recognise/tree.ts'
import type { Invocation } from './command.ts'
import { hasTerminal, isConfirmed } from './confirm.ts'
import { problems } from './write-config-file.ts'

const NEXT: readonly (readonly [string, string])[] = [
  ['npm install --save-dev bringup vitest', 'what runs the tests'],
  ['npx bringup run', 'boot the machine'],
  ['npx vitest run', 'run the tests'],
]

/** @throws BringupError CONFIG_NOT_WRITTEN */
export async function scaffoldProject(
  tree: SourceTree,
  { options, output }: Pick<Invocation, 'options' | 'output'>,
): Promise<number> {
  const files = scaffold(tree)
  const isShown = options.dryRun === true
  const state = isShown ? 'shown' : 'written'
  const file = join(tree.folder, 'bringup.config.ts')
  const content = files[0]?.content ?? ''
  const { colors } = output
  const width = Math.max(...files.map(({ path }) => path.length))
  const verb = (path: string) => (tree.has(path) ? 'adds to' : 'makes')
  if (!isShown && options.yes !== true && hasTerminal() && !output.isJson) {
    output.note('This folder is empty. A new project:')
    for (const { path } of files) output.note(`  ${verb(path)} ${path}`)
    if (
      !(await isConfirmed(
        { options, output },
        { what: 'nothing was written', message: 'Write these files?' },
      ))
    ) {
      output.note('Nothing was written.')
      return 0
    }
  }
  if (!isShown) for (const one of files) write(tree.folder, one)
  output.json({
    folder: tree.folder,
    file,
    state,
    what: 'a new project',
    because: 'the folder has no sources',
    content,
    files: files.map(({ path }) => path),
  })
  if (isShown) {
    for (const one of files) output.print(`${colors.bold(one.path)}\n${one.content.trimEnd()}\n`)
    return 0
  }
  output.print(colors.bold('a new project'))
  for (const { path } of files)
    output.print(
      `${colors.green('wrote')} ${path.padEnd(width)}${colors.dim(ABOUT[path] ? `  ${ABOUT[path]}` : '')}`,
    )
  output.print('')
  output.print('next:')
  const most = Math.max(...NEXT.map(([command]) => command.length))
  for (const [command, says] of NEXT) output.print(`  ${command.padEnd(most)}  ${colors.dim(says)}`)
  return 0
}

const ABOUT: Readonly<Record<string, string>> = {
  'bringup.config.ts': 'the machines',
  'tests/machine.test.ts': 'one test, which passes',
  'vitest.config.ts': 'where the tests are',
  '.gitignore': 'without runs and packages',
  'package.json': 'scripts: test, start, setup',
}

function write(folder: string, { path, content }: ScaffoldFile): void {
  const file = join(folder, path)
  const partial = partialName(file)
  try {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(partial, content, { flag: 'wx' })
    renameSync(partial, file)
  } catch (cause) {
    throw new BringupError([problems.CONFIG_NOT_WRITTEN.at('', (cause as Error).message)], { cause })
  } finally {
    rmSync(partial, { force: true })
  }
}
