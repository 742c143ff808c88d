/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of a shell are what is tested */
import { describe, expect, it } from 'vitest'
import { BringupError } from '../../diagnostics.ts'
import { importedSketch, importText, importWords } from './import-machine.ts'
import { configText } from './write-config.ts'

const machineOf = (text: string, known = {}) => importText(text, known).machines[0]?.machine
const codeOf = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    if (error instanceof BringupError) return error.diagnostics[0]?.code
    throw error
  }
  return undefined
}

describe('importText', () => {
  it.each([
    [
      '-cdrom os.iso -m 64',
      { type: 'pc', memory: '64M', devices: [{ kind: 'cdrom', file: 'os.iso', bootindex: 0 }] },
    ],
    ['-fda a.img -boot a', { devices: [{ kind: 'floppy', file: 'a.img', persist: true, bootindex: 0 }] }],
    [
      '-hdb b.img -hda a.img -snapshot',
      {
        devices: [
          { kind: 'disk', file: 'a.img', bus: 'ide', bootindex: 0 },
          { kind: 'disk', file: 'b.img', bus: 'ide' },
        ],
      },
    ],
    [
      '-drive file=fs.img,index=1,media=disk,format=raw -drive file=xv6.img,index=0,media=disk,format=raw,snapshot=on -smp 2',
      {
        cpu: { model: 'qemu64', count: 2 },
        devices: [
          { kind: 'disk', file: 'xv6.img', bus: 'ide', bootindex: 0 },
          { kind: 'disk', file: 'fs.img', bus: 'ide', persist: true },
        ],
      },
    ],
    [
      '-M q35 -kernel k -append "a b" -initrd i -device isa-debug-exit,iobase=0x501,iosize=0x02 -serial stdio -debugcon file:x',
      {
        type: 'q35',
        boot: { kernel: 'k', append: 'a b', initrd: 'i' },
        debugExit: { port: 0x501 },
        debugcon: true,
      },
    ],
    [
      '-bios /usr/share/ovmf/OVMF.fd -drive format=raw,file=fat:rw:esp -net none',
      { boot: { firmware: 'uefi', esp: 'esp' } },
    ],
    [
      '-drive if=pflash,format=raw,readonly=on,file=OVMF_CODE.fd -drive if=pflash,format=raw,file=OVMF_VARS.fd -hda a.img',
      { boot: { firmware: 'uefi', code: 'OVMF_CODE.fd', variables: 'OVMF_VARS.fd' } },
    ],
    [
      '-net nic,model=rtl8139 -net user,hostfwd=tcp:127.0.0.1:80-:80',
      { devices: [{ kind: 'nic', model: 'rtl8139', forwards: ['tcp:80-:80'] }] },
    ],
    ['-m 1.5G -vga cirrus -s -S', { memory: '1536M', display: 'cirrus', gdb: 1234 }],
    [
      '-drive if=none,id=s,file=a.img,format=raw,cache=none -device virtio-scsi-pci -device scsi-hd,drive=s',
      { devices: [{ kind: 'disk', file: 'a.img', bus: 'scsi', persist: true, bootindex: 0 }] },
    ],
    [
      `-blockdev '{"driver":"file","filename":"/a.qcow2","node-name":"s"}' -blockdev '{"node-name":"f","driver":"qcow2","file":"s"}' -device virtio-blk-pci,drive=f,bus=pci.0,addr=0x4`,
      { devices: [{ kind: 'disk', file: '/a.qcow2', persist: true, bootindex: 0 }] },
    ],
    ['-device usb-ehci -device foo,x=1', { qemuArgs: ['-device', 'usb-ehci', '-device', 'foo,x=1'] }],
  ])('%s', (args, machine) => {
    expect(machineOf(`qemu-system-x86_64 ${args}`)).toMatchObject(machine)
  })

  it('reads variables, and names those that are unknown', () => {
    expect(machineOf('IMG=a.iso\nqemu-system-x86_64 \\\n  -cdrom "$IMG" # comment')).toMatchObject({
      devices: [{ kind: 'cdrom', file: 'a.iso' }],
    })
    expect(machineOf('kvm -cdrom $ISO', { ISO: 'c.iso' })).toMatchObject({ devices: [{ file: 'c.iso' }] })
    const { remarks } = importText('kvm -cdrom ${ISO}').machines[0] ?? { remarks: [] }
    expect(remarks).toContainEqual(expect.objectContaining({ words: '$ISO', state: 'guess' }))
  })

  it('names what it could not express', () => {
    const [first] = importText(
      'qemu-system-x86_64 -M microvm -incoming tcp:0:1 -bios own.rom -numa cpu,node-id=0',
    ).machines
    expect(first?.remarks.filter((r) => r.state === 'lost').map((r) => r.words)).toEqual([
      'machine type microvm',
      '-bios own.rom',
      '-incoming tcp:0:1',
      '-numa cpu,node-id=0',
    ])
  })

  it('reads every command of a script, by the names that they give', () => {
    const { machines } = importText(
      'qemu-system-x86_64 -name a -m 64\nqemu-system-i386 -name a,debug-threads=on\nkvm',
    )
    expect(machines.map(({ name }) => name)).toEqual(['a', 'a2', 'default'])
  })

  it('reads a libvirt domain', () => {
    const domain = `<domain type='qemu'><name>vm</name><memory unit='MiB'>256</memory><vcpu>2</vcpu>
      <os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type><boot dev='hd'/></os>
      <devices><disk type='file'><driver type='qcow2'/><source file='/a,b.qcow2'/><target dev='vda' bus='virtio'/></disk>
      <interface type='bridge'><model type='virtio'/></interface><tpm model='tpm-crb'/></devices></domain>`
    const { from, machines } = importText(domain)
    expect({ from, ...machines[0] }).toMatchObject({
      from: 'libvirt',
      name: 'vm',
      machine: {
        type: 'q35',
        accel: 'tcg',
        memory: '256M',
        boot: { firmware: 'uefi' },
        devices: [{ kind: 'disk', file: '/a,b.qcow2', bootindex: 0 }, { kind: 'nic' }],
      },
    })
    expect(machines[0]?.remarks.map((r) => r.words)).toEqual(
      expect.arrayContaining(['<interface type="bridge">', '<tpm model="tpm-crb">']),
    )
  })

  it.each([
    ['', 'IMPORT_NO_COMMAND'],
    ['make run', 'IMPORT_NO_COMMAND'],
    ['\0\0', 'IMPORT_NOT_TEXT'],
    ['x'.repeat(2 ** 21), 'IMPORT_NOT_TEXT'],
    ['qemu-system-riscv64 -M virt', 'IMPORT_ARCHITECTURE'],
    ['<domain', 'IMPORT_NOT_LIBVIRT'],
    ['<vm/>', 'IMPORT_NOT_LIBVIRT'],
    ['<!DOCTYPE d [<!ENTITY a "b">]><domain/>', 'IMPORT_NOT_LIBVIRT'],
    ['<domain>'.repeat(20_000), 'IMPORT_NOT_LIBVIRT'],
  ])('refuses %.20s', (text, code) => {
    expect(codeOf(() => importText(text))).toBe(code)
  })

  it('ends with hostile commands', () => {
    const values = [
      '{',
      '='.repeat(5000),
      ',,,,',
      '[',
      '\u001b[2J',
      '$(('.repeat(500),
      '999999999999999999999',
      '-1',
    ]
    const options = [
      'm',
      'smp',
      'drive',
      'device',
      'numa',
      'netdev',
      'cpu',
      'machine',
      'blockdev',
      'serial',
      'name',
      'append',
    ]
    for (const option of options)
      for (const value of values) {
        const imported = importWords(['qemu-system-x86_64', `-${option}`, value])
        expect(configText(importedSketch(imported))).toContain('defineConfig')
      }
  })
})
