/** Commands for QEMU in shell scripts, justfiles and CI files. Pure. */
import type { FoundCommand } from '../found.ts'
import { qemuCommandsIn } from '../qemu-words.ts'
import { shellCommands } from '../shell-words.ts'
import type { SourceTree } from '../tree.ts'

/** Folders in which trees keep their scripts. */
const FOLDERS = ['.', 'scripts', 'script', 'tools', 'bin', 'utils', 'util', 'build']
const MOST_SCRIPTS = 60

const join = (folder: string, name: string) => (folder === '.' ? name : `${folder}/${name}`)

/** Names of files that may be scripts, with their texts. */
export function scriptsOf(tree: SourceTree): readonly { readonly path: string; readonly text: string }[] {
  const named = FOLDERS.flatMap((folder) => tree.list(folder).map((name) => join(folder, name)))
  const likely = named.filter((path) => /\.(sh|bash)$|(^|\/)[\w-]+$/.test(path)).slice(0, MOST_SCRIPTS)
  return likely.flatMap((path) => {
    const text = tree.read(path)
    const isScript = text !== undefined && (/^#!.*\b(ba|da|z|k)?sh\b/.test(text) || /\.(sh|bash)$/.test(path))
    return isScript ? [{ path, text }] : []
  })
}

export function commandsInScripts(tree: SourceTree): readonly FoundCommand[] {
  return scriptsOf(tree).flatMap(({ path, text }) =>
    qemuCommandsIn(text).map((command): FoundCommand => {
      const build = buildBefore(text)
      return {
        command,
        where: path,
        folder: '.',
        name: path.replace(/^.*\//, ''),
        ...(build.length > 0 ? { build } : {}),
      }
    }),
  )
}

/** Lines that do not build anything. */
const IDLE =
  /^(set\b|echo\b|printf\b|cd\s+("?\$\(dirname|"?\$\{0%|\.)|export\b|#|$|[A-Za-z_]\w*\+?=|trap\b|sleep\b|clear$|exit\b)/

/** What a script does before it starts QEMU: as it stands, where each line is a command of its own. */
function buildBefore(text: string): readonly (readonly string[])[] {
  const lines = text
    .replaceAll(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map((line) => line.trim())
  const end = lines.findIndex(
    (line) => !line.startsWith('#') && /qemu-system-|\bqemu\b.*-|\bkvm\s+-|\$\{?QEMU/i.test(line),
  )
  const before = lines.slice(0, Math.max(0, end)).filter((line) => !IDLE.test(line))
  if (before.length === 0) return []
  const isPlain = before.every(
    (line) => !/[<>|&;$`*?~(){}]/.test(line) && !/^(if|for|while|case|fi|done|else|then)\b/.test(line),
  )
  if (isPlain)
    return before.map((line) => shellCommands(line)[0]?.words ?? []).filter((words) => words.length > 0)
  const whole = lines.slice(0, end).filter((line) => line !== '' && !line.startsWith('#'))
  return [['sh', '-ec', whole.join('\n')]]
}

/** Recipes of a justfile: `run: build`, with `{{name}}` for variables. */
export function commandsInJustfile(tree: SourceTree): readonly FoundCommand[] {
  const file = ['justfile', 'Justfile', '.justfile'].find(tree.has)
  const text = file === undefined ? undefined : tree.read(file)
  if (file === undefined || text === undefined) return []
  const values = new Map<string, string>()
  for (const [, name = '', value = ''] of text.matchAll(
    /^(?:export\s+)?([\w-]+)\s*:=\s*["']([^"'\n]*)["']/gm,
  ))
    values.set(name, value)
  const plain = text.replaceAll(/\{\{\s*([\w-]+)\s*\}\}/g, (whole, name) => values.get(name) ?? whole)
  const found: FoundCommand[] = []
  let recipe = ''
  let needs: readonly string[] = []
  for (const line of plain.replaceAll(/\\\r?\n\s*/g, ' ').split(/\r?\n/)) {
    const [, name, after = ''] = /^@?([\w-]+)[^:=\n]*:(?!=)\s*([\w\s-]*)$/.exec(line) ?? []
    if (name !== undefined) {
      recipe = name
      needs = after.split(/\s+/).filter(Boolean)
    } else if (/^\s/.test(line))
      for (const command of qemuCommandsIn(line.trim().replace(/^[@-]+/, '')))
        found.push({
          command,
          where: `${file}, recipe ${recipe}`,
          folder: '.',
          name: recipe,
          ...(needs.length > 0 ? { build: [['just', ...needs]] } : {}),
        })
  }
  return found
}

/** Lines of CI files, which are commands behind `run:` and dashes. */
export function commandsInCi(tree: SourceTree): readonly FoundCommand[] {
  const workflows = tree.list('.github/workflows').map((name) => `.github/workflows/${name}`)
  const files = [...workflows, '.gitlab-ci.yml', '.travis.yml', '.cirrus.yml', '.build.yml'].filter((path) =>
    /\.ya?ml$/.test(path),
  )
  return files.flatMap((path) => {
    const text = tree.read(path)
    if (text === undefined) return []
    const lines = text.replaceAll(/\\\r?\n\s*/g, ' ').split(/\r?\n/)
    return lines.flatMap((line) => {
      const script = line
        .replace(/^\s*(?:-\s+)?(?:run:\s*)?(?:[|>]-?\s*)?/, '')
        .replace(/^(["'])(.*)\1$/, '$2')
      return qemuCommandsIn(script).map(
        (command): FoundCommand => ({ command, where: path, folder: '.', name: 'ci' }),
      )
    })
  })
}
