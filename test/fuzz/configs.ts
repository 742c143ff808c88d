/** Machine descriptions of unlikely values, through schema, rules and compiler. Nothing is started. */
import fc from 'fast-check'
import { BringupError } from '../../src/diagnostics.ts'
import { checkMachine, compileMachine, type MachineInput, parseMachine } from '../../src/machine/machine.ts'
import { devices, sections } from '../../src/machine/registry.ts'
import { arbitraryMachine } from '../agreement/arbitrary-machine.ts'

const TEXTS = [
  '',
  '0',
  '-1',
  '1G',
  '1e9',
  '128K',
  '\u0000',
  '\u001b[6n',
  'a,b=c',
  '../../x',
  '__proto__',
  'é'.repeat(300),
  '9'.repeat(400),
]
const leaf = fc.oneof(
  fc.constantFrom<unknown>(
    ...TEXTS,
    null,
    undefined,
    true,
    false,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    -0,
    10n ** 30n,
  ),
  fc.integer(),
  fc.double(),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
const value = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { weight: 6, arbitrary: leaf },
    { weight: 1, arbitrary: fc.array(tie('any'), { maxLength: 4 }) },
    { weight: 1, arbitrary: fc.dictionary(fc.string({ maxLength: 8 }), tie('any'), { maxKeys: 4 }) },
  ),
})).any

const KEYS = [
  ...Object.keys(sections),
  'type',
  'arch',
  'accel',
  'timeout',
  'qemu',
  'qemuArgs',
  'devices',
  'pins',
  'console',
  'debugExit',
  'extends',
]
const strangeDevice = fc
  .tuple(
    fc.constantFrom(...devices.map((d) => d.kind), 'nonsense'),
    fc.dictionary(
      fc.constantFrom(
        'id',
        'size',
        'file',
        'node',
        'label',
        'align',
        'backing',
        'model',
        'bus',
        'forwards',
        'serial',
        'mac',
      ),
      value,
    ),
  )
  .map(([kind, rest]) => ({ ...rest, kind }))

/** Right machines with one key changed to anything; and keys of any values. */
export const arbitraryConfig: fc.Arbitrary<unknown> = fc.oneof(
  fc
    .tuple(arbitraryMachine, fc.constantFrom(...KEYS), value)
    .map(([machine, key, any]) => ({ ...machine, [key]: any })),
  fc.dictionary(fc.constantFrom(...KEYS), value, { maxKeys: 5 }),
  fc
    .tuple(arbitraryMachine, fc.array(strangeDevice, { maxLength: 3 }))
    .map(([machine, list]) => ({ ...machine, devices: list })),
  value,
)

const FACTS = { files: new Map(), hostNodes: [0], hugePages: [], hostBytes: 2 ** 34, accelerators: [] }

/** Either a finding, or a machine that compiles to arguments. Anything else is a bug. */
export function tryConfig(config: unknown): void {
  try {
    const machine = parseMachine('fuzz', config as MachineInput)
    checkMachine(machine, FACTS, 'fuzz')
    compileMachine(machine, FACTS, 'fuzz')
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
  }
}
