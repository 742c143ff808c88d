import { describe, expect, it } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import type { Facts } from './facts.ts'
import {
  checkMachine,
  compileMachine,
  expectationsOf,
  type MachineInput,
  parseMachine,
  resolveMachines,
  viewOf,
} from './machine.ts'

const facts: Facts = { files: new Map(), hostNodes: [0], hugePages: [], hostBytes: 2 ** 40, accelerators: [] }

const lines = (machine: MachineInput) =>
  compileMachine(parseMachine('tiny', machine), facts, 'tiny').args.map((arg) => arg.join(' '))

function diagnosticsOf(run: () => unknown) {
  try {
    run()
  } catch (error) {
    if (error instanceof BringupError) return error.diagnostics.map((d) => `${d.code} ${d.path}`)
    throw error
  }
  return []
}

describe('parseMachine', () => {
  it('reports every problem at once, with its path and what was meant', () => {
    const wrong = {
      memry: '1G',
      cpu: { cors: 2 },
      timeout: 'soon',
      numa: { nodes: [{ memory: 'much' }] },
      devices: [{ kind: 'nvdim' }],
    }
    expect(diagnosticsOf(() => parseMachine('tiny', wrong as unknown as MachineInput)).toSorted()).toEqual([
      'CONFIG_INVALID devices[0].kind',
      'CONFIG_INVALID numa.nodes[0].memory',
      'CONFIG_INVALID timeout',
      'CONFIG_UNKNOWN_KEY cpu.cors',
      'CONFIG_UNKNOWN_KEY memry',
    ])
  })

  it('says where the description stands', () => {
    expect(diagnosticsOf(() => parseMachine('big', { memory: 'x' }, ['machines', 'big']))).toEqual([
      'CONFIG_INVALID machines.big.memory',
    ])
  })

  it('fills in defaults', () => {
    expect(viewOf('tiny', parseMachine('tiny', {}))).toMatchObject({
      type: 'q35',
      ramBytes: 256 * 2 ** 20,
      cpus: { count: 1 },
      nodes: [],
      firmware: 'bios',
    })
  })
})

describe('resolveMachines', () => {
  it('merges along the chain', () => {
    const machines = {
      a: { extends: 'b', cpu: 2 },
      b: { extends: 'c', memory: { share: true } },
      c: { memory: '1G' },
    } as const
    expect(resolveMachines(machines).a).toEqual({ cpu: 2, memory: { size: '1G', share: true } })
  })

  it('reports missing ones and circles, all at once', () => {
    const machines = {
      a: { extends: 'b' },
      b: { extends: 'a' },
      c: { extends: 'nobody' },
      d: { extends: 'd' },
      e: { extends: 'a' },
    }
    expect(diagnosticsOf(() => resolveMachines(machines))).toEqual([
      'MACHINE_EXTENDS_CIRCLE machines.b.extends',
      'MACHINE_EXTENDS_CIRCLE machines.a.extends',
      'MACHINE_EXTENDS_MISSING machines.c.extends',
      'MACHINE_EXTENDS_CIRCLE machines.d.extends',
    ])
  })
})

describe('compileMachine', () => {
  it('is golden for the smallest machine', () => {
    expect(lines({})).toMatchInlineSnapshot(`
      [
        "-name guest=tiny",
        "-machine q35",
        "-cpu max",
        "-smp cpus=1,sockets=1,dies=1,cores=1,threads=1,maxcpus=1",
        "-m 256M",
        "-nodefaults",
        "-no-user-config",
        "-display none",
        "-vga none",
        "-device isa-serial,id=console-serial,chardev=console,index=0",
      ]
    `)
  })

  it('is golden for NUMA with distances, HMAT and an NVDIMM: one -machine option', () => {
    const machine: MachineInput = {
      cpu: 4,
      memory: '1000M',
      numa: {
        nodes: [{}, {}, { cpus: 0, memory: '100M', initiator: 1 }],
        distances: 20,
        hmat: [{ initiator: 0, target: 2, latency: '90ns', bandwidth: '2G' }],
        caches: [{ node: 2, size: '1M' }],
      },
      boot: { kernel: '/a,b/kernel', append: 'a,b' },
      devices: [{ kind: 'nvdimm', id: 'pm0', size: '128M', node: 1, backing: 'ram' }],
      qemuArgs: ['-d', 'cpu_reset', '-msg', 'timestamp=on'],
    }
    expect(lines(machine)).toMatchInlineSnapshot(`
      [
        "-name guest=tiny",
        "-machine q35,hmat=on,nvdimm=on",
        "-cpu max",
        "-smp cpus=4,sockets=2,dies=1,cores=2,threads=1,maxcpus=4",
        "-m 1000M,slots=1,maxmem=1128M",
        "-object memory-backend-ram,id=node0-ram,size=471859200",
        "-numa node,nodeid=0,cpus=0-1,memdev=node0-ram",
        "-object memory-backend-ram,id=node1-ram,size=471859200",
        "-numa node,nodeid=1,cpus=2-3,memdev=node1-ram",
        "-object memory-backend-ram,id=node2-ram,size=104857600",
        "-numa node,nodeid=2,memdev=node2-ram,initiator=1",
        "-numa dist,src=0,dst=1,val=20",
        "-numa dist,src=0,dst=2,val=20",
        "-numa dist,src=1,dst=0,val=20",
        "-numa dist,src=1,dst=2,val=20",
        "-numa dist,src=2,dst=0,val=20",
        "-numa dist,src=2,dst=1,val=20",
        "-numa hmat-lb,initiator=0,target=2,hierarchy=memory,data-type=access-latency,latency=90",
        "-numa hmat-lb,initiator=0,target=2,hierarchy=memory,data-type=access-bandwidth,bandwidth=2147483648",
        "-numa hmat-cache,node-id=2,size=1048576,level=1,associativity=direct,policy=write-back,line=64",
        "-nodefaults",
        "-no-user-config",
        "-display none",
        "-vga none",
        "-kernel /a,b/kernel",
        "-append a,b",
        "-device isa-serial,id=console-serial,chardev=console,index=0",
        "-object memory-backend-ram,id=pm0-memory,size=134217728",
        "-device nvdimm,id=pm0,memdev=pm0-memory,node=1",
        "-msg",
        "timestamp=on",
      ]
    `)
  })

  it('is golden for UEFI with an EFI system partition', () => {
    expect(lines({ boot: { esp: '/my: esp, 1' } })).toMatchInlineSnapshot(`
      [
        "-name guest=tiny",
        "-machine q35",
        "-cpu max",
        "-smp cpus=1,sockets=1,dies=1,cores=1,threads=1,maxcpus=1",
        "-m 256M",
        "-nodefaults",
        "-no-user-config",
        "-display none",
        "-vga none",
        "-drive if=pflash,unit=0,format=raw,file=OVMF_CODE_4M.fd,readonly=on",
        "-drive if=pflash,unit=1,format=raw,file=OVMF_VARS_4M.fd,snapshot=on",
        "-blockdev driver=vvfat,node-name=esp,dir=/my: esp,, 1,label=ESP,read-only=on",
        "-device virtio-blk-pci,id=esp-disk,drive=esp,bootindex=0",
        "-device isa-serial,id=console-serial,chardev=console,index=0",
      ]
    `)
  })
})

describe('checkMachine', () => {
  const codes = (machine: MachineInput) =>
    checkMachine(parseMachine('tiny', machine), facts, 'tiny').map((d) => `${d.code} ${d.path}`)

  it('finds arguments that set what bringup sets', () => {
    const qemuArgs = ['-m', '1G', '--kernel', 'x', '-device', 'isa-serial,id=console-serial', '-d', 'int']
    expect(codes({ boot: { kernel: '/k' }, qemuArgs })).toEqual([
      'QEMU_ARG_CONFLICT qemuArgs[0]',
      'QEMU_ARG_CONFLICT qemuArgs[2]',
      'QEMU_ARG_ID_TWICE qemuArgs[5]',
    ])
  })

  it('finds ids that are there twice, also those made up', () => {
    const devices = [{ kind: 'serial' }, { kind: 'watchdog', id: 'serial0' }] as const
    expect(codes({ boot: { kernel: '/k' }, devices })).toEqual(['DEVICE_ID_TWICE devices[1].id'])
  })

  it('finds pins of CPUs that are not there', () => {
    expect(
      codes({
        boot: { kernel: '/k' },
        cpu: { count: 1, max: 2 },
        pins: [
          { cpu: 1, hostCpus: [0] },
          { cpu: 0, hostCpus: [0] },
          { cpu: 0, hostCpus: [1] },
        ],
      }),
    ).toEqual(['PIN_CPU_MISSING pins[0].cpu', 'PIN_TWICE pins[2].cpu'])
  })

  it('asks the binary, not its version', () => {
    const qemu = {
      path: '/q',
      sha256: '',
      version: [9, 0, 0],
      packageName: '',
      arch: 'x86_64',
      machines: [],
      cpuModels: ['max'],
      accelerators: [],
      types: ['isa-serial'],
      properties: {},
      hasLibpmem: false,
      netdevs: [],
      pciTypes: [],
      cpuProperties: [],
      hasTcgX2apic: false,
      features: ['action'],
      firmware: {},
    } as const
    const found = checkMachine(
      parseMachine('tiny', { boot: { kernel: '/k' }, debugExit: true }),
      { ...facts, qemu },
      'tiny',
    )
    expect(found.map((d) => d.what)).toEqual(['QEMU 9.0.0 at /q has no "isa-debug-exit"'])
  })

  it.each([
    [{ arch: 'aarch64' }, 'ARCH_UNSUPPORTED arch'],
    [{ boot: {} }, 'BOOT_NOTHING boot'],
    [{ cpu: 0 }, 'CPU_COUNT_ZERO cpu.count'],
    [{ memory: 1_000_001 }, 'MEMORY_SIZE_UNALIGNED memory.size'],
    [{ memory: '0' }, 'MEMORY_TOO_SMALL memory.size'],
    [{ boot: { firmware: 'uefi' }, memory: '40M' }, 'BOOT_UEFI_RAM_SMALL memory.size'],
    [{ accel: 'tcg', cpu: { count: 4, threads: 2 } }, 'CPU_THREADS_AS_CORES cpu.threads'],
    [
      { cpu: { count: 4, threads: 2 }, numa: { nodes: [{ cpus: '0,2' }, { cpus: '1,3' }] } },
      'NUMA_CORE_SPLIT numa.nodes',
    ],
    [{ cpu: 3, numa: { nodes: [{ cpus: 1 }, { cpus: 1 }] } }, 'NUMA_CPU_NOWHERE numa.nodes'],
    [{ numa: { nodes: 2, distances: 10 } }, 'NUMA_DISTANCE_REMOTE_10 numa.distances'],
    [{ numa: { nodes: 2, distances: 255 } }, 'NUMA_DISTANCE_UNREACHABLE numa.distances'],
    [
      { numa: { nodes: 2, hmat: [{ initiator: 0, target: 0, latency: 65536 }] } },
      'NUMA_HMAT_LATENCY_WRAPS numa.hmat[0].latency',
    ],
    [{ numa: { nodes: 2, hmat: [{ initiator: 0, target: 0 }] } }, 'NUMA_HMAT_EMPTY numa.hmat[0]'],
    [{ memory: { hugePages: '2M', backend: 'ram' } }, 'MEMORY_HUGE_PAGES_BACKEND memory.hugePages'],
    [{ boot: { kernel: '/k', firmware: 'bios' } }, 'BOOT_KERNEL_IGNORED boot.firmware'],
    [{ boot: { kernel: '/k', firmware: 'direct', esp: '/e' } }, 'BOOT_UEFI_ONLY boot.esp'],
  ] as const)('%j is %s', (machine, want) => {
    expect(codes(machine as MachineInput)).toContain(want)
  })

  it('says nothing of threads where the guest is told of them, nor of UEFI that has room', () => {
    for (const machine of [
      { accel: 'tcg', cpu: { count: 4, threads: 2, features: ['vendor=GenuineIntel'] } },
      { accel: 'tcg', cpu: { count: 4 } },
      { boot: { firmware: 'uefi' }, memory: '48M' },
    ] as const) {
      const found = codes(machine).join()
      expect(found).not.toContain('CPU_THREADS_AS_CORES')
      expect(found).not.toContain('BOOT_UEFI_RAM_SMALL')
    }
  })
})

it('expects what the guest sees: the hole below 1M on the node that holds address 0, HMAT in picoseconds', () => {
  const machine = parseMachine('tiny', {
    memory: '64M',
    numa: { nodes: 2, hmat: [{ initiator: 0, target: 1, latency: 80 }] },
  })
  const view = {
    nodes: [
      { node: 0, cpus: 1, bytes: 32 * 2 ** 20 - 0x60000 },
      { node: 1, cpus: 1, bytes: 32 * 2 ** 20 },
    ],
    hmat: [{ initiator: 0, target: 1, hierarchy: 'memory', type: 'access-latency', value: 80_000 }],
  }
  const seen = expectationsOf(machine, facts, 'tiny').map((e) => [e.device, e.aspect, e.want, e.see(view)])
  expect(seen.filter(([, , , got]) => got !== undefined)).toEqual([
    ['numa', 'nodes', '2', '2'],
    ['node 0', 'cpus', '1', '1'],
    ['node 0', 'memory', '32384K', '32384K'],
    ['node 1', 'cpus', '1', '1'],
    ['node 1', 'memory', '32M', '32M'],
    ['numa', 'HMAT memory access-latency 0 → 1', '80 ns', '80 ns'],
  ])
})
