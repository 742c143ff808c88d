import { describe, expect, it } from 'vitest'
import type { Facts } from './facts.ts'
import { checkMachine, type MachineInput, parseMachine } from './machine.ts'

const facts: Facts = { files: new Map(), hostNodes: [0], hugePages: [], hostBytes: 2 ** 40, accelerators: [] }

const codes = (qemuArgs: readonly string[], machine: object = {}) =>
  checkMachine(
    parseMachine('tiny', { boot: { kernel: '/k' }, ...machine, qemuArgs } as MachineInput),
    facts,
    'tiny',
  ).map((d) => d.code)

describe('an argument of the user’s own', () => {
  it.each([
    ['-m', '1G'],
    ['-M', 'pc'],
    ['--machine', 'pc'],
    ['-name', 'other'],
    ['-name', 'guest=other'],
    ['-action', 'reboot=reset'],
    ['-readconfig', 'file'],
    ['-runas', 'nobody'],
    ['-chroot', '/'],
    ['-incoming', 'defer'],
    ['-loadvm', 'x'],
    ['-preconfig'],
    ['-daemonize'],
    ['-nographic'],
    ['-version'],
    ['-set', 'device.console-serial.chardev=x'],
  ])('%s %s sets what bringup sets', (...words) => expect(codes(words)).toEqual(['QEMU_ARG_CONFLICT']))

  it.each([
    ['-device', 'isa-serial,id=console-serial'],
    ['-device', '{"driver":"isa-serial","id":"console-serial"}'],
    ['-chardev', 'null,id=console'],
    ['-chardev', 'null,id=bringup-qmp'],
    ['-netdev', 'user,id=a', '-netdev', '{"type":"user","id":"a"}'],
    ['-blockdev', 'null-co,node-name=a', '-drive', 'if=none,id=a'],
  ])('%s %s has an id that is taken', (...words) => expect(codes(words)).toEqual(['QEMU_ARG_ID_TWICE']))

  it.each([
    ['-d', 'int', '-D', 'file'],
    ['-name', 'debug-threads=on'],
    ['-action', 'panic=none'],
    ['-device', 'vmgenid', '-snapshot', '-gdb', 'tcp:127.0.0.1:1234', '-S', '-rtc', 'base=utc', '-boot', 'd'],
    // Ids are unique among devices, and among objects.
    ['-object', 'rng-random,id=console-serial'],
    ['-set', 'device.a.addr=3'],
  ])('%s %s is taken as it is', (...words) => expect(codes(words)).toEqual([]))

  it.each([
    ['-device', 'VGA', '-device', 'cirrus-vga'],
    ['-vga', 'qxl', '-device', 'VGA'],
  ])('%s %s %s %s are two cards for VGA', (...words) => expect(codes(words)).toEqual(['QEMU_ARG_VGA_TWICE']))

  it('a card for VGA and another one stand beside each other', () => {
    expect(codes(['-device', 'VGA', '-device', 'secondary-vga'])).toEqual([])
  })

  it('a kernel that QEMU loads itself has boot index 0', () => {
    expect(codes(['-device', 'virtio-net-pci,bootindex=0'])).toEqual(['QEMU_ARG_BOOTINDEX_TWICE'])
    expect(codes(['-device', 'virtio-net-pci,bootindex=1'])).toEqual([])
    const twice = ['-device', 'virtio-net-pci,bootindex=2', '-device', '{"driver":"e1000","bootindex":2}']
    expect(codes(twice)).toEqual(['QEMU_ARG_BOOTINDEX_TWICE'])
    const devices = [{ kind: 'disk', size: '1M', bootindex: 0 }]
    expect(codes([], { devices })).toEqual(['QEMU_ARG_BOOTINDEX_TWICE'])
    expect(codes([], { devices, boot: {} })).toEqual([])
  })

  it('-snapshot would discard what is to be kept', () => {
    const devices = [{ kind: 'disk', size: '1M', persist: true }]
    expect(codes(['-snapshot'], { devices })).toEqual(['QEMU_SNAPSHOT_DISCARDS'])
    expect(codes(['-snapshot'])).toEqual([])
  })

  it('finds what QEMU would refuse', () => {
    expect(codes(['-device'])).toEqual(['QEMU_ARG_VALUE_MISSING'])
    expect(codes(['-qmp', 'stdio'])).toEqual(['QEMU_ARG_STDIO'])
    expect(codes(['-chardev', 'stdio,id=mine'])).toEqual(['QEMU_ARG_STDIO'])
    for (const last of ['-plugin', '-fda', '--uuid', '-trace'])
      expect(codes(['-usb', last])).toEqual(['QEMU_ARG_VALUE_MISSING'])
    expect(codes(['-icount', 'shift=1'], { accel: 'kvm' })).toEqual(['QEMU_ARG_ICOUNT_KVM'])
  })

  it('a disk is something to boot', () => {
    const nothing = { boot: {} }
    expect(codes([], nothing)).toEqual(['BOOT_NOTHING'])
    expect(codes(['-cdrom', 'x.iso'], nothing)).toEqual([])
    expect(codes(['-drive', 'file=x'], nothing)).toEqual([])
  })
})

it('counts the address bits that the description gives, and the PCI window of the machine type', () => {
  const memory = (max: string) => ({ accel: 'tcg', memory: { size: '1G', slots: 1, max } })
  const found = (machine: object) => codes([], machine).filter((c) => c === 'MEMORY_ADDRESS_SPACE').length
  expect(found(memory('1T'))).toBe(1)
  expect(found({ ...memory('1T'), cpu: { features: ['phys-bits=46'] } })).toBe(0)
  expect(found({ ...memory('1T'), cpu: { features: ['phys-bits=36', 'phys-bits=41'] } })).toBe(1)
  expect(found({ ...memory('1006G'), type: 'pc' })).toBe(0)
  expect(found({ ...memory('1007G'), type: 'pc' })).toBe(1)
})

describe('JSON', () => {
  it.each([
    ['-device', '{"driver":"vmgenid",}'],
    ['-object', '{"qom-type":"memory-backend-ram","id":"a"'],
    ['-netdev', '{type:"user"}'],
    ['-blockdev', '{"driver":"null-co","driver":"file"}'],
    // A word that no option stands in front of is a disk image to QEMU.
    ['{"driver":"vmgenid"}'],
  ])('%s %s is refused as QEMU refuses it', (...words) => expect(codes(words)).toEqual(['QEMU_ARG_JSON']))

  it('gets the findings of the other form', () => {
    const twice = (one: string, other: string) => codes(['-device', one, '-device', other])
    expect(twice('{"driver":"edu","id":"a"}', 'edu,id=a')).toEqual(['QEMU_ARG_ID_TWICE'])
    expect(twice("{'driver':'edu','id':'a'}", 'edu,id=a')).toEqual(['QEMU_ARG_ID_TWICE'])
    expect(twice('{"driver":"e1000","bootindex":1}', 'e1000,bootindex=1')).toEqual([
      'QEMU_ARG_BOOTINDEX_TWICE',
    ])
    const objects = ['-object', '{"qom-type":"rng-builtin","id":"r"}', '-object', 'rng-builtin,id=r']
    expect(codes(objects)).toEqual(['QEMU_ARG_ID_TWICE'])
    const disks = ['-blockdev', '{"driver":"null-co","node-name":"d"}', '-blockdev', 'null-co,node-name=d']
    expect(codes(disks)).toEqual(['QEMU_ARG_ID_TWICE'])
    const nets = ['-netdev', '{"type":"user","id":"n"}', '-netdev', 'user,id=n']
    expect(codes(nets)).toEqual(['QEMU_ARG_ID_TWICE'])
    expect(codes(['-device', '{"driver":"usb-kbd"}'])).toEqual(['USB_BUS_MISSING'])
    expect(codes(['-device', "{'driver':'usb-kbd'}"])).toEqual(['USB_BUS_MISSING'])
  })
})

it('refuses a template for the name of QEMU’s log', () => {
  expect(codes(['-D', '/tmp/log-%d'])).toEqual(['QEMU_ARG_LOG_NAME'])
  expect(codes(['-D', '/tmp/100%/log'])).toEqual(['QEMU_ARG_LOG_NAME'])
  expect(codes(['-D', '/tmp/log'])).toEqual([])
})

it('takes a feature whose value has spaces', () => {
  expect(codes([], { cpu: { features: ['hv-vendor-id=KVM Hv'] } })).toEqual([])
  expect(() => codes([], { cpu: { features: ['a=b,c'] } })).toThrow('CONFIG_INVALID')
})

describe('a VMGENID', () => {
  const qboot = { boot: { kernel: '/k', rom: 'qboot' } }

  it.each([
    ['-device', 'vmgenid'],
    ['-device', 'vmgenid,guid=auto'],
    ['-device', '{"driver":"vmgenid"}'],
    ['-device', "{'driver':'vmgenid'}"],
  ])('%s %s hangs under qboot, and only there', (...words) => {
    expect(codes(words, qboot)).toContain('QEMU_ARG_QBOOT_HANGS')
    expect(codes(words)).not.toContain('QEMU_ARG_QBOOT_HANGS')
  })
})
