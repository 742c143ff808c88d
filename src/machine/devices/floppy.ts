/** A floppy drive with an image in it. What the guest writes is discarded unless it is asked to be kept. */
import { resolve } from 'node:path'
import * as z from 'zod'
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { type Compiled, defineDevice, type MachineView, option, type RuleContext } from '../device.ts'
import { zDeviceId } from '../device-id.ts'
import { checkMedium, mediumBackend, problems as mediumProblems } from './medium.ts'

const schema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('floppy'),
    id: zDeviceId,
    file: z.string().min(1).describe('Raw image of a floppy disk; one of 512 bytes is enough to boot.'),
    persist: z.boolean().default(false).describe('Keep what the guest writes.'),
    bootindex: z.int().nonnegative().optional().describe('Order in which firmware tries to boot.'),
  }),
)

type Config = z.output<typeof schema>

const own = defineDiagnostics({
  FLOPPY_DRIVES_FULL: {
    title: 'The machine has more than two floppy drives.',
    why: 'a floppy controller has two',
    remedy: 'use two of them, or a disk',
    source: 'QEMU: "machine type does not support if=floppy,bus=0,unit=2"',
    qemu: 'refuses',
  },
})

export const problems = { ...mediumProblems, ...own }

const DRIVES = ['A', 'B']

export const floppy = defineDevice({
  kind: 'floppy',
  summary: 'a floppy drive with an image',
  schema,
  diagnostics: problems,
  savedState: () => true,
  place: (floppy, home) => ({ ...floppy, file: resolve(home.folder, floppy.file) }),
  flag: {
    name: 'floppy',
    first: 'file',
    example: 'boot.img',
    help: 'add a floppy drive with this image',
  },
  paths: ({ file }) => [file],
  needs: () => ({ types: ['isa-fdc'] }),
  bootindex: ({ bootindex }) => bootindex,
  keeps: ({ file, persist }) => (persist ? `floppy ${file}` : undefined),
  check(config, { machine, facts, path }): readonly Diagnostic[] {
    const n = numberOf(machine, path)
    return [
      ...checkMedium(facts.files.get(config.file), { at: `${path}.file`, isWritten: config.persist }),
      ...(n >= DRIVES.length ? [own.FLOPPY_DRIVES_FULL.at(path, `this is floppy drive ${n + 1}`)] : []),
    ]
  },
  compile,
  topology: () => ({ detail: '' }),
  notCompared: ({ id = 'floppy0' }) => [
    { device: `floppy ${id}`, aspect: 'everything', because: 'no guest reports floppy drives' },
  ],
})

/** The machine makes the controller for `if=floppy`; that it boots is a property of the controller. */
function compile({ file, persist, bootindex }: Config, { machine, facts, path }: RuleContext): Compiled {
  const index = numberOf(machine, path)
  return {
    args: [
      mediumBackend(facts.files.get(file), file, {
        if: 'floppy',
        index,
        snapshot: persist ? undefined : true,
      }),
      ...(bootindex === undefined
        ? []
        : [option('-global', `isa-fdc.bootindex${DRIVES[index] ?? 'A'}=${bootindex}`)]),
    ],
  }
}

const numberOf = (machine: MachineView, path: string) =>
  machine.devices.filter((d) => d.kind === 'floppy').findIndex((d) => d.path === path)
