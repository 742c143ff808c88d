/** Commands for QEMU of Meson's run targets, and the programs of a Meson project. Pure. */
import type { FoundCommand } from '../found.ts'
import { qemuIn } from '../qemu-words.ts'
import type { SourceTree } from '../tree.ts'

export const MESON_FOLDER = 'build'

export interface MesonProject {
  readonly found: readonly FoundCommand[]
  readonly program: string | undefined
}

interface Output {
  readonly path: string
  /** What `meson compile` calls it, where it is not built unless asked for. */
  readonly target?: string
}

export function readMeson(tree: SourceTree): MesonProject | undefined {
  const root = tree.read('meson.build')
  if (root === undefined) return undefined
  const text = root.replaceAll(/^\s*#.*$/gm, '')
  const folders = [...text.matchAll(/\bsubdir\s*\(\s*'([\w./-]+)'/g)].map(([, name = '']) => name)
  const files = [
    { folder: '', text },
    ...folders.slice(0, 30).flatMap((folder) => {
      const inner = tree.read(`${folder}/meson.build`)
      return inner === undefined ? [] : [{ folder: `${folder}/`, text: inner.replaceAll(/^\s*#.*$/gm, '') }]
    }),
  ]
  const outputs = new Map<string, Output>()
  const programs = new Map<string, string>()
  for (const file of files) {
    for (const [, name = '', output = ''] of file.text.matchAll(/(\w+)\s*=\s*executable\s*\(\s*'([^']+)'/g))
      outputs.set(name, { path: `${MESON_FOLDER}/${file.folder}${output}` })
    for (const [, name = '', body = ''] of file.text.matchAll(
      /(\w+)\s*=\s*custom_target\s*\(((?:[^()]|\([^()]*\))*)\)/g,
    )) {
      const output = /\boutput\s*:\s*\[?\s*'([^']+)'/.exec(body)?.[1]
      const target = /^\s*'([^']+)'/.exec(body)?.[1] ?? output
      const isAlways = /\bbuild_by_default\s*:\s*true/.test(body)
      if (output !== undefined)
        outputs.set(name, {
          path: `${MESON_FOLDER}/${file.folder}${output}`,
          ...(isAlways || target === undefined ? {} : { target }),
        })
    }
    for (const [, name = '', program = ''] of file.text.matchAll(
      /(\w+)\s*=\s*find_program\s*\(\s*'([^']+)'/g,
    ))
      programs.set(name, program)
    for (const [, name = '', value = ''] of file.text.matchAll(/^\s*(\w+)\s*=\s*'([^'\n]*)'\s*$/gm))
      programs.set(name, value)
  }
  const found = files.flatMap((file) => runTargets(file.text, outputs, programs))
  const program = /\bexecutable\s*\(\s*'([^']+)'/.exec(text)?.[1]
  return { found, program }
}

function runTargets(
  text: string,
  outputs: ReadonlyMap<string, Output>,
  programs: ReadonlyMap<string, string>,
): readonly FoundCommand[] {
  return [...text.matchAll(/\brun_target\s*\(((?:[^()]|\([^()]*\))*)\)/g)].flatMap(([, body = '']) => {
    const name = /^\s*'([^']+)'/.exec(body)?.[1] ?? 'run'
    const list = /\bcommand\s*:\s*\[([\s\S]*?)\]/.exec(body)?.[1] ?? ''
    const targets: string[] = []
    const words = [...list.matchAll(/'((?:[^'\\]|\\.)*)'|([\w.]+)(?:\(\))?/g)].map(
      ([, literal, variable = '']) => {
        if (literal !== undefined)
          return literal.replaceAll('@BUILD_ROOT@', MESON_FOLDER).replaceAll('@SOURCE_ROOT@', '.')
        const plain = variable.replace(/\.full_path$/, '')
        const output = outputs.get(plain)
        if (output?.target !== undefined) targets.push(output.target)
        return output?.path ?? programs.get(plain) ?? `$${plain}`
      },
    )
    const wanted = [...(/\bdepends\s*:\s*\[?([^\])]*)/.exec(body)?.[1] ?? '').matchAll(/\w+/g)].flatMap(
      ([one]) => outputs.get(one)?.target ?? [],
    )
    const qemu = qemuIn({ words: words.map((word) => joined(word, outputs)) })
    if (!qemu) return []
    const needs = [...new Set([...targets, ...wanted])]
    const build = [
      ['meson', 'setup', MESON_FOLDER],
      ['meson', 'compile', '-C', MESON_FOLDER, ...needs],
    ]
    return [{ command: qemu, where: `meson.build, target ${name}`, folder: '.', name, build }]
  })
}

/** A literal may name an output: `file=os.img`. */
function joined(word: string, outputs: ReadonlyMap<string, Output>): string {
  const own = [...outputs.values()].find(({ path }) => word.endsWith(`=${path.replace(/^.*\//, '')}`))
  return own ? word.replace(/=[^=]*$/, `=${own.path}`) : word
}
