import { describe, expect, it } from 'vitest'
import type { Facts, FileFact, KernelFact, QemuCapabilities } from '../facts.ts'
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
  netdevs: [],
  pciTypes: [],
  cpuProperties: [],
  hasTcgX2apic: false,
  features: ['action'],
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

const kernelOf = (protocol: KernelFact['protocol'], more: Partial<KernelFact> = {}): Partial<FileFact> => ({
  content: 'unknown',
  kernel: {
    protocol,
    loads: [],
    flaws: [],
    ...(protocol === 'bzimage' ? { version: 0x20f, isLoadedHigh: true, initrdMax: 0x7fffffff } : {}),
    ...more,
  },
})

const argsOf = (machine: MachineInput, facts: Facts) =>
  compileMachine(parseMachine('tiny', machine), facts, 'tiny').args.map((arg) => arg.join(' '))
const codesOf = (machine: MachineInput, facts: Facts) =>
  checkMachine(parseMachine('tiny', machine), facts, 'tiny').map((d) => d.code)

describe('qboot', () => {
  const nvdimm = { kind: 'nvdimm', size: '16M', backing: 'ram' } as const
  it.each([
    ['pvh', {}, true],
    ['multiboot', { devices: [nvdimm] }, true],
    ['pvh', { devices: [{ kind: 'watchdog' }] }, false],
    ['bzimage', { devices: [{ kind: 'watchdog' }] }, true],
    ['bzimage', { devices: [{ kind: 'cxl', size: '256M' }] }, false],
    ['pvh', { boot: { rom: 'seabios' } }, false],
    ['pvh', { devices: [{ kind: 'watchdog' }], boot: { rom: 'qboot' } }, true],
  ] as const)('%s with %j: %s', (protocol, machine, isTaken) => {
    const described = {
      ...machine,
      boot: { kernel: '/k', ...('boot' in machine ? machine.boot : {}) },
    } as MachineInput
    expect(argsOf(described, factsWith(kernelOf(protocol))).includes('-bios qboot.rom')).toBe(isTaken)
  })

  it('is not taken from a QEMU that has none, and asking for it is an error', () => {
    const facts = factsWith(kernelOf('pvh'), {})
    expect(argsOf({ boot: { kernel: '/k' } }, facts)).not.toContain('-bios qboot.rom')
    expect(codesOf({ boot: { kernel: '/k', rom: 'qboot' } }, facts)).toEqual(['BOOT_QBOOT_MISSING'])
  })
})

describe('the kernel', () => {
  it.each([
    [{ content: 'text' }, ['BOOT_KERNEL_NOT_A_KERNEL']],
    [{ content: 'empty' }, ['BOOT_KERNEL_NOT_A_KERNEL']],
    [kernelOf('pvh', { flaws: [{ kind: 'no-entry', detail: '' }] }), ['BOOT_KERNEL_WITHOUT_PVH']],
    [kernelOf('pvh', { loads: [{ from: 2 ** 30, to: 2 ** 30 + 1 }] }), ['BOOT_KERNEL_BEYOND_RAM']],
    [kernelOf('multiboot', { loads: [{ from: 2 ** 20, to: 2 ** 21 }] }), []],
    [{ content: 'pe' }, ['BOOT_KERNEL_IS_EFI']],
    [{ kind: 'missing' }, ['BOOT_FILE_MISSING']],
    [{ kind: 'directory' }, ['BOOT_FILE_UNREADABLE']],
    [{ isReadable: false }, ['BOOT_FILE_UNREADABLE']],
    [kernelOf('bzimage'), []],
  ] as const)('%j: %j', (fact, want) => {
    expect(codesOf({ boot: { kernel: '/k' } }, factsWith(fact))).toEqual(want)
  })
})

const codesOn = (cpu: Facts['cpu'], kernel: Partial<FileFact>, machine: MachineInput = {}) =>
  codesOf({ ...machine, boot: { kernel: '/k', ...machine.boot } }, { ...factsWith(kernel), cpu })

describe('a CPU without long mode', () => {
  const cpu = { name: 'qemu32', hasLongMode: false }
  it.each([
    ['a bzImage for 64 bits', kernelOf('bzimage', { bits: 64 }), ['BOOT_KERNEL_NEEDS_64_BIT']],
    ['a bzImage for 32 bits', kernelOf('bzimage', { bits: 32 }), []],
    [
      'a 64-bit ELF, which may have 32-bit code',
      kernelOf('pvh', { bits: 64 }),
      ['BOOT_KERNEL_MAY_NEED_64_BIT'],
    ],
    ['a 32-bit ELF', kernelOf('pvh', { bits: 32 }), []],
  ])('%s', (_, kernel, want) => {
    expect(codesOn(cpu, kernel)).toEqual(want)
    expect(codesOn({ ...cpu, hasLongMode: true }, kernel)).toEqual([])
  })

  it('has no UEFI firmware', () => {
    expect(codesOn(cpu, kernelOf('bzimage', { bits: 32 }), { boot: { firmware: 'uefi' } })).toEqual([
      'BOOT_UEFI_NEEDS_64_BIT',
    ])
  })
})

describe('what goes with the kernel', () => {
  const withInitrd = (kernel: Partial<FileFact>, bytes: number, machine: MachineInput = {}, path = '/i') => {
    const facts = factsWith(kernel)
    const initrd = { ...(facts.files.get('/k') as FileFact), path, kernel: undefined, bytes }
    const files = new Map([...facts.files, [path, initrd]])
    const described = { ...machine, boot: { kernel: '/k', initrd: path, ...machine.boot } }
    return { codes: codesOf(described, { ...facts, files }), args: argsOf(described, { ...facts, files }) }
  }

  it('an initial RAM disk has to fit, and the kernel has to know of such', () => {
    expect(withInitrd(kernelOf('bzimage'), 2 ** 29, { memory: '256M' }).codes).toEqual([
      'BOOT_INITRD_TOO_LARGE',
    ])
    expect(withInitrd(kernelOf('bzimage'), 2 ** 20, { memory: '256M' }).codes).toEqual([])
    const low = kernelOf('bzimage', { initrdMax: 2 ** 20 })
    expect(withInitrd(low, 2 ** 20, { memory: '256M' }).codes).toEqual(['BOOT_INITRD_TOO_LARGE'])
    expect(withInitrd(kernelOf('zimage'), 9).codes).toEqual(['BOOT_INITRD_OLD_KERNEL'])
  })

  it('modules of a multiboot kernel are a list for QEMU', () => {
    const comma = withInitrd(kernelOf('multiboot'), 9, {}, '/a,b')
    expect(comma.codes).toEqual([])
    expect(comma.args).toContain('-initrd /a,,b')
    expect(withInitrd(kernelOf('pvh'), 9, {}, '/a,b').args).toContain('-initrd /a,b')
    expect(withInitrd(kernelOf('multiboot'), 9, {}, '/a b').codes).toEqual(['BOOT_MODULE_SPACE'])
  })

  it.each([
    ['vga=791', []],
    ['vga=0x317 quiet', []],
    ['quiet vga=ask', []],
    ['vga=normalo', []],
    ['vga= \t-1', []],
    ['vga=4294967295', []],
    ['vga=037777777777', []],
    ['vga=4294967296', ['BOOT_VGA_INVALID']],
    ['vga=-2147483649', ['BOOT_VGA_INVALID']],
    ['vga=', ['BOOT_VGA_INVALID']],
    ['nvga=yes', ['BOOT_VGA_INVALID']],
    ['vga=31f', ['BOOT_VGA_INVALID']],
  ])('%s: %j', (append, want) => {
    const withConsole = { boot: { append: `console=ttyS0 ${append}` } }
    expect(codesOn(undefined, kernelOf('bzimage'), withConsole)).toEqual(want)
    expect(codesOn(undefined, kernelOf('pvh'), withConsole)).toEqual([])
  })

  it.each<[KernelFact['protocol'], string, MachineInput['console'], boolean]>([
    ['bzimage', 'root=/dev/vda', undefined, true],
    ['bzimage', 'quiet', undefined, true],
    ['bzimage', 'root=/dev/vda console=tty0', undefined, true],
    ['bzimage', 'root=/dev/vda console=ttyS1', undefined, true],
    ['bzimage', 'console=ttyS0', 'virtio', true],
    ['pvh', 'root=/dev/vda rw', undefined, true],
    ['bzimage', 'root=/dev/vda console=ttyS0,115200', undefined, false],
    ['bzimage', 'console=uart8250,io,0x3f8', undefined, false],
    ['bzimage', 'earlyprintk=serial', undefined, false],
    ['bzimage', 'console=tty0 console=hvc0', 'virtio', false],
    ['bzimage', '', undefined, false],
    ['pvh', 'report=no', undefined, false],
  ])('a %s kernel with "%s" on console %s is silent: %s', (format, append, console, isSilent) => {
    const codes = codesOn(undefined, kernelOf(format), { boot: { append }, ...(console ? { console } : {}) })
    expect(codes.includes('BOOT_CONSOLE_SILENT')).toBe(isSilent)
  })

  it('PVH and multiboot kernels do not start under UEFI', () => {
    const under = (kernel: Partial<FileFact>) => codesOn(undefined, kernel, { boot: { firmware: 'uefi' } })
    expect(under(kernelOf('pvh'))).toEqual(['BOOT_KERNEL_NOT_FOR_UEFI'])
    expect(under(kernelOf('multiboot'))).toEqual(['BOOT_KERNEL_NOT_FOR_UEFI'])
    expect(under(kernelOf('bzimage'))).toEqual([])
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
