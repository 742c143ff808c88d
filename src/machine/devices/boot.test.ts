import { describe, expect, it } from 'vitest'
import type { Facts, FileFact, QemuCapabilities } from '../facts.ts'
import { checkMachine, compileMachine, type MachineInput, parseMachine } from '../machine.ts'

const qemu: QemuCapabilities = {
  path: '/q',
  sha256: '',
  version: [7, 2, 0],
  packageName: '',
  arch: 'x86_64',
  machines: [],
  cpuModels: ['max'],
  accelerators: ['tcg'],
  types: ['isa-serial', 'virtio-blk-pci', 'nvdimm', 'memory-backend-ram', 'i6300esb'],
  properties: {},
  hasLibpmem: false,
  firmware: { 'qboot.rom': '/d/qboot.rom', 'OVMF_CODE_4M.fd': '/d/C.fd', 'OVMF_VARS_4M.fd': '/d/V.fd' },
}

function factsWith(kernel: Partial<FileFact>, firmware = qemu.firmware): Facts {
  const file: FileFact = {
    path: '/k',
    kind: 'file',
    bytes: 9,
    isReadable: true,
    isWritable: true,
    freeBytes: 9,
    hasParent: true,
    ...kernel,
  }
  return {
    files: new Map([['/k', file]]),
    hostNodes: [0],
    hugePages: [],
    hostBytes: 2 ** 40,
    accelerators: [],
    qemu: { ...qemu, firmware },
  }
}

const argsOf = (machine: MachineInput, facts: Facts) =>
  compileMachine(parseMachine('tiny', machine), facts, 'tiny').args.map((arg) => arg.join(' '))
const codesOf = (machine: MachineInput, facts: Facts) =>
  checkMachine(parseMachine('tiny', machine), facts, 'tiny').map((d) => d.code)

describe('qboot', () => {
  const nvdimm = { kind: 'nvdimm', size: '16M', backing: 'ram' } as const
  it.each([
    ['elf-pvh', {}, true],
    ['elf-multiboot', { devices: [nvdimm] }, true],
    ['elf-pvh', { devices: [{ kind: 'watchdog' }] }, false],
    ['linux-bzimage', { devices: [{ kind: 'watchdog' }] }, true],
    ['elf-pvh', { boot: { rom: 'seabios' } }, false],
    ['elf-pvh', { devices: [{ kind: 'watchdog' }], boot: { rom: 'qboot' } }, true],
  ] as const)('%s with %j: %s', (content, machine, isTaken) => {
    const described = {
      ...machine,
      boot: { kernel: '/k', ...('boot' in machine ? machine.boot : {}) },
    } as MachineInput
    expect(argsOf(described, factsWith({ content })).includes('-bios qboot.rom')).toBe(isTaken)
  })

  it('is not taken from a QEMU that has none, and asking for it is an error', () => {
    const facts = factsWith({ content: 'elf-pvh' }, {})
    expect(argsOf({ boot: { kernel: '/k' } }, facts)).not.toContain('-bios qboot.rom')
    expect(codesOf({ boot: { kernel: '/k', rom: 'qboot' } }, facts)).toEqual(['BOOT_QBOOT_MISSING'])
  })
})

describe('the kernel', () => {
  it.each([
    [{ content: 'text' }, ['BOOT_KERNEL_NOT_A_KERNEL']],
    [{ content: 'empty' }, ['BOOT_KERNEL_NOT_A_KERNEL']],
    [{ content: 'elf64' }, ['BOOT_KERNEL_WITHOUT_PVH']],
    [{ content: 'pe' }, ['BOOT_KERNEL_IS_EFI']],
    [{ kind: 'missing' }, ['BOOT_FILE_MISSING']],
    [{ kind: 'directory' }, ['BOOT_FILE_UNREADABLE']],
    [{ isReadable: false }, ['BOOT_FILE_UNREADABLE']],
    [{ content: 'linux-bzimage' }, []],
  ] as const)('%j: %j', (fact, want) => {
    expect(codesOf({ boot: { kernel: '/k' } }, factsWith(fact))).toEqual(want)
  })
})

describe('UEFI', () => {
  it('uses the installed firmware; variables are a throw-away copy unless a path is named', () => {
    const [code, variables] = argsOf({ boot: { firmware: 'uefi', esp: '/e' } }, factsWith({})).filter((a) =>
      a.includes('pflash'),
    )
    expect(code).toBe('-drive if=pflash,unit=0,format=raw,file=/d/C.fd,readonly=on')
    expect(variables).toBe('-drive if=pflash,unit=1,format=raw,file=/d/V.fd,snapshot=on')
    const kept = { boot: { esp: '/e', variables: '/my/vars' } }
    expect(argsOf(kept, factsWith({}))).toContain('-drive if=pflash,unit=1,format=raw,file=/my/vars')
    expect(compileMachine(parseMachine('tiny', kept), factsWith({}), 'tiny').locks).toEqual([
      { path: '/my/vars', mode: 'exclusive' },
    ])
  })

  it('says which package is missing', () => {
    const found = checkMachine(parseMachine('tiny', { boot: { esp: '/e' } }), factsWith({}, {}), 'tiny')
    expect(found.map((d) => `${d.code}: ${d.remedy}`)).toEqual([
      expect.stringMatching(/^BOOT_OVMF_MISSING: .*apt install ovmf/),
    ])
  })
})
