/** `bringup nvdimm explain`: what a machine or a store keeps, through what, and what would have to change. */
import { type Explanation, explainStores } from '../../../project/described-stores.ts'
import type { Project } from '../../../project/project.ts'
import { existingStoreAt } from '../../../stores/place.ts'
import { openStore } from '../../../stores/store.ts'
import type { Command, Invocation } from '../../command.ts'
import type { Output } from '../../output.ts'
import { formatTable } from '../../table.ts'

export const explain: Command = {
  summary: 'explain what survives a reboot, a crash, the end of QEMU and a power loss',
  description:
    'Explains the NVDIMMs of a machine (default: the default machine), or a store as if an NVDIMM used it with default settings. bringup requests MAP_SYNC from the kernel for the file, and starts QEMU with pmem=on, instead of relying on mount options.',
  arguments: [
    { name: '[machine|store]', description: 'machine of the project, or a store', from: 'machines' },
  ],
  examples: [
    { command: 'bringup nvdimm explain', says: 'the NVDIMMs of the default machine' },
    { command: 'bringup nvdimm explain ./pm0.img', says: 'a file' },
    {
      command: 'bringup nvdimm explain --json | jq .conditions',
      says: 'the conditions of a guarantee, for a program',
    },
  ],
  run,
}

async function run({ args, output, signal, project: load }: Invocation): Promise<number> {
  const project = await load()
  const subject = subjectOf(args[0] ?? project.defaultMachine, project)
  const explanation = await explainStores(project, subject.of, signal)
  output.json({ subject: subject.title, ...explanation })
  if (!output.isJson) print(subject.title, explanation, output)
  return 0
}

/** A machine wins over a store of its name; `./` before a path says that a file is meant. */
function subjectOf(word: string, project: Project) {
  if (Object.hasOwn(project.machines, word)) return { title: `machine ${word}`, of: { machine: word } }
  const path = existingStoreAt(word, { cwd: process.cwd(), stateFolder: project.stateFolder })
  return { title: path, of: { store: openStore(path, project) } }
}

const WORDS = { yes: 'kept', no: 'lost', 'not guaranteed': 'not guaranteed' } as const

function print(title: string, { verdicts, conditions }: Explanation, output: Output): void {
  const { colors } = output
  const paint = { yes: colors.green, no: colors.red, 'not guaranteed': colors.yellow }
  const devices = [...new Set(verdicts.map((v) => v.device))]
  if (devices.length === 0) output.note(`${title} has no persistent memory.`)
  for (const device of devices) {
    output.print(`${colors.bold(title)}${title.startsWith('machine ') ? `, ${device}` : ''}`)
    const rows = verdicts
      .filter((v) => v.device === device)
      .map(({ event, answer, because }) => {
        const word = event === 'visible to other machines' ? answer : WORDS[answer]
        return [event, paint[answer](word), because]
      })
    output.print(formatTable(['event', 'content', 'because'], rows, output))
    printConditions(
      conditions.filter((c) => c.device === device),
      output,
    )
  }
}

function printConditions(conditions: Explanation['conditions'], output: Output): void {
  const { colors, print: say } = output
  if (conditions.length === 0) return
  say(`\n${colors.bold('To survive a power loss of the host, all of these conditions have to be met')}`)
  const rows = conditions.map(({ condition, isMet, because }) => [
    isMet === true ? colors.green('✓') : isMet === false ? colors.red('✗') : colors.yellow('?'),
    condition,
    because,
  ])
  say(formatTable(['', '', ''], rows, output))
  const changes = [...new Set(conditions.flatMap((c) => c.change ?? []))]
  if (changes.length > 0) say(`\n${colors.bold('To change')}`)
  for (const change of changes) say(`  ${change}`)
  say('')
}
