/**
 * Parses a machine, or takes what came of the same description the last time: on a run's way to QEMU nothing costs more
 * than loading the schemas, and most runs are of a machine that was run before.
 */
import { join } from 'node:path'
import { BUILD_ID } from '../build-id.ts'
import { type MachineConfig, type MachineInput, parseMachine } from '../machine/machine.ts'
import { keep, nameOf, readKept } from '../qemu/cache.ts'
import { isReadingOnce, readOnce } from '../read-once.ts'

interface Kept {
  readonly build: string
  /** The description, as JSON: it has to be the same to the letter. */
  readonly input: string
  readonly machine: MachineConfig
}

/**
 * `parseMachine`, remembered per `place`: what is parsed there next replaces what was.
 *
 * @param build What the answer depends on besides the input; undefined remembers nothing.
 * @throws BringupError as `parseMachine` does; errors are not kept
 */
export function parseKeptMachine(
  name: string,
  input: MachineInput,
  { cacheFolder, place }: { readonly cacheFolder: string; readonly place: readonly string[] },
  build: string | undefined = BUILD_ID,
): MachineConfig {
  // Machines of a matrix differ, and none is planned again soon: their files would cost more than they save.
  if (isReadingOnce()) return parseOnce(name, input)
  if (build === undefined) return parseMachine(name, input)
  const folder = join(cacheFolder, 'machines')
  const file = nameOf([...place, name])
  const text = textOf(input)
  if (text === undefined) return parseMachine(name, input)
  const known = readKept<Partial<Kept> | null>(folder, file)
  if (known?.machine && known.build === build && known.input === text) return known.machine
  const machine = parseMachine(name, input)
  keep(folder, file, { build, input: text, machine } satisfies Kept)
  return machine
}

function parseOnce(name: string, input: MachineInput): MachineConfig {
  const text = textOf(input)
  return text === undefined
    ? parseMachine(name, input)
    : readOnce(['machine', text], () => parseMachine(name, input))
}

/** Undefined for what is no plain data, such as a BigInt or an object that holds itself: the schema says what is wrong. */
function textOf(input: MachineInput): string | undefined {
  try {
    return JSON.stringify(input)
  } catch {
    return undefined
  }
}
