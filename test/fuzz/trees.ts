/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of shells are among the words */
/** What others wrote of machines: commands for QEMU, libvirt domains, files of source trees. */
import { posix } from 'node:path'
import fc from 'fast-check'
import { BringupError } from '../../src/diagnostics.ts'
import { machineFromQemu } from '../../src/machine/from-qemu/from-qemu.ts'
import { parseMachine } from '../../src/machine/machine.ts'
import { byBuildSystem } from '../../src/project/recognise/build-systems.ts'
import { importedSketch, importText } from '../../src/project/recognise/import-machine.ts'
import { configText } from '../../src/project/recognise/write-config.ts'

const word = fc.oneof(
  fc.constantFrom(
    ...[
      '-m',
      '-smp',
      '-drive',
      '-device',
      '-numa',
      '-netdev',
      '-nic',
      '-net',
      '-object',
      '-machine',
      '-cpu',
      '-cdrom',
    ],
    ...[
      '-hda',
      '-kernel',
      '-append',
      '-initrd',
      '-bios',
      '-serial',
      '-blockdev',
      '-boot',
      '-s',
      '-S',
      '-virtfs',
      '-M',
    ],
    ...[
      'file=a.img',
      'if=none,id=d',
      'virtio-blk-pci,drive=d',
      'node,cpus=0-99999999',
      'q35,accel=kvm:tcg',
      '$(X)',
    ],
    ...[
      'memory-backend-ram,id=m,size=-1',
      'nvdimm,memdev=m',
      'user,hostfwd=tcp::1-:2',
      'nic,model=e1000',
      '{"a":[1,{"b":"c"}]}',
    ],
    ...[
      'isa-debug-exit,iobase=99999',
      'fat:rw:/',
      'size=1E,slots=9,maxmem=16E',
      '0-1',
      ',,',
      '=',
      '"',
      "'",
      '\\',
      '`',
      '${A[@]}',
    ],
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
const line = fc.array(word, { maxLength: 20 }).map((words) => words.join(' '))

export const arbitraryQemuWords = fc.array(word, { maxLength: 30 })

/** The machine that comes out is one that the schema takes. */
export function tryQemuWords(words: readonly string[]): void {
  parseMachine('fuzz', machineFromQemu(words).machine)
}

export const arbitraryImport = fc.oneof(
  line.map((text) => `qemu-system-x86_64 ${text}`),
  fc.array(line, { maxLength: 5 }).map((lines) => lines.join('\n')),
  fc
    .array(
      fc.tuple(
        fc.constantFrom('disk', 'os', 'cpu', 'memory', 'source', '/domain', 'interface type="x"', '!--'),
        fc.string({ maxLength: 10 }),
      ),
    )
    .map((parts) => `<domain>${parts.map(([name, text]) => `<${name}>${text}`).join('')}</domain>`),
)

export function tryImport(text: string): void {
  try {
    plain(configText(importedSketch(importText(text))))
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
  }
}

const NAMES = [
  'Makefile',
  'CMakeLists.txt',
  'meson.build',
  'Cargo.toml',
  '.cargo/config.toml',
  'justfile',
  'run.sh',
  'run.py',
  'utils/sim',
  '.github/workflows/a.yml',
]
const HEADS = [
  'run:\n\t$(QEMU) ',
  'A := ',
  'ifeq (',
  'endif\n',
  'include Makefile\n',
  'add_custom_target(run COMMAND qemu-system-i386 ',
  "run_target('run', command: ['qemu-system-i386', '",
  '[package]\nname = "',
  'runner = "',
  '#!/usr/bin/perl\n',
  'cmd = ["qemu-system-i386", ',
  '#!/bin/sh\nqemu-system-i386 ',
  '- run: qemu-system-i386 ',
]
const file = fc
  .array(fc.tuple(fc.constantFrom(...HEADS), line), { maxLength: 8 })
  .map((parts) => parts.flat().join('\n'))
export const arbitraryTree = fc.dictionary(fc.constantFrom(...NAMES), file, { maxKeys: 5 })

export function tryTree(files: Readonly<Record<string, string>>): void {
  const sketch = byBuildSystem({
    folder: '/tree',
    has: (path) => Object.hasOwn(files, posix.normalize(path)),
    read: (path) => (Object.hasOwn(files, posix.normalize(path)) ? files[posix.normalize(path)] : undefined),
    list: (path = '.') =>
      Object.keys(files).flatMap((name) =>
        posix.dirname(name) === posix.normalize(path) ? [posix.basename(name)] : [],
      ),
  })
  if (sketch) plain(configText(sketch))
}

/** What is printed controls no terminal. */
function plain(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(text))
    throw new Error(`a control character in ${JSON.stringify(text)}`)
}
