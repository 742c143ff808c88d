/** The rule of `usb-ports.ts` against real QEMU: what it refuses, with which words, and where it adds a hub. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { MachineView } from '../../src/machine/device.ts'
import { checkUsbPorts } from '../../src/machine/usb-ports.ts'

const folder = mkdtempSync(join(tmpdir(), 'usb-ports-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const disk = join(folder, 'disk')
writeFileSync(disk, '')
truncateSync(disk, 1 << 20)

const ENDS = `-chardev null,id=c -netdev user,id=n -audiodev none,id=a -blockdev file,node-name=d,filename=${disk}`
const TYPES = {
  q35: [
    '-usb',
    '-device qemu-xhci',
    '-device usb-ehci',
    '-device nec-usb-xhci,p2=2,p3=3',
    '-device pci-ohci',
  ],
  pc: [
    '-usb',
    '-machine usb=on',
    '-device piix4-usb-uhci',
    '-device qemu-xhci,id=x',
    '-device pci-ohci,num-ports=1',
  ],
} as const
const DEVICES = [
  'usb-kbd',
  'usb-tablet',
  'usb-mouse,usb_version=1',
  'usb-wacom-tablet',
  'usb-hub',
  'usb-hub,ports=2',
  'usb-kbd,port=1',
  'usb-tablet,port=2',
  'usb-kbd,port=1.2',
  'usb-uas',
  'usb-serial,chardev=c',
  '{"driver":"usb-mouse","port":"3"}',
]
const ONCE = ['usb-storage,drive=d', 'usb-net,netdev=n', 'usb-audio,audiodev=a', 'usb-kbd,bus=usb-bus.0']

/** Numbers that are the same in every run (xorshift32). */
function numbers(seed: number) {
  let state = seed
  return (below: number) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

function drawn(seed: number): readonly [type: 'q35' | 'pc', line: string] {
  const draw = numbers(seed * 2_654_435_761)
  const of = (list: readonly string[]) => list[draw(list.length)] ?? ''
  draw(2)
  const type = draw(2) === 0 ? 'q35' : 'pc'
  const controllers = [of(TYPES[type]), ...(draw(3) === 0 ? [of(TYPES[type])] : [])]
  const devices = Array.from({ length: 1 + draw(draw(5) === 0 ? 44 : 8) }, () => `-device ${of(DEVICES)}`)
  const words = [...new Set(controllers), `-device ${of(ONCE)}`, ...devices]
  return [type, words.join(' ')]
}

async function askQemu(type: string, line: string) {
  const argv = [`-M ${type}`, '-S -nodefaults -display none -accel tcg -monitor stdio', ENDS, line]
  const child = spawn('qemu-system-x86_64', argv.join(' ').split(' '), { stdio: 'pipe' })
  const read = { stdout: '', stderr: '' }
  child.stdin.on('error', () => {})
  child.stdin.end('info usb\nquit\n')
  child.stdout.on('data', (text) => {
    read.stdout += text
  })
  child.stderr.on('data', (text) => {
    read.stderr += text
  })
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { ...read, status, hubs: read.stdout.split('QEMU USB Hub').length - 1 }
}

const WORDS = {
  USB_BUS_MISSING: /No 'usb-bus' bus found|Bus '.*' not found/,
  USB_PORTS_FULL: /no free ports|usb hub chain too deep/,
  USB_PORT_TAKEN: /usb port .* not found \(in use\?\)/,
  USB_SPEED_UNFIT: /speed mismatch trying to attach usb device/,
} as const

describe('QEMU and the rule agree', () => {
  const fixed: readonly (readonly ['q35' | 'pc', string])[] = [
    ['q35', '-device usb-kbd'],
    ['q35', '-device usb-kbd -device qemu-xhci'],
    ['q35', '-device qemu-xhci,id=x -device usb-kbd,bus=y.0'],
    ['pc', `-usb ${'-device usb-kbd '.repeat(37).trim()}`],
    ['pc', `-usb ${'-device usb-kbd '.repeat(38).trim()}`],
    ['q35', `-device usb-ehci ${'-device usb-tablet '.repeat(7).trim()}`],
    ['pc', `-usb -device usb-ehci ${'-device usb-kbd '.repeat(7).trim()}`],
    ['pc', `-device usb-ehci -usb ${'-device usb-kbd '.repeat(7).trim()}`],
    [
      'q35',
      `-device ich9-usb-ehci1,id=e -device ich9-usb-uhci1,masterbus=e.0,firstport=0 ${'-device usb-kbd '.repeat(7).trim()}`,
    ],
    [
      'q35',
      '-device ich9-usb-ehci1,id=e -device ich9-usb-uhci1,masterbus=e.0,firstport=0 -device usb-serial,chardev=c',
    ],
    ['pc', `-usb -device usb-hub,port=1 ${'-device usb-hub '.repeat(6).trim()}`],
    [
      'pc',
      '-usb -device usb-hub,port=1 -device usb-hub,port=1.1 -device usb-hub,port=1.1.1 -device usb-hub,port=1.1.1.1 -device usb-hub,port=1.1.1.1.1 -device usb-hub,port=1.1.1.1.1.1',
    ],
    ['q35', '-usbdevice tablet -usbdevice keyboard -usbdevice wacom-tablet'],
    ['q35', '-device pci-ohci -device usb-uas'],
    ['q35', '-device {"driver":"qemu-xhci"} -device usb-kbd'],
    ['q35', '-device {"driver":"usb-kbd"} -device qemu-xhci'],
  ]
  const lines = [...fixed, ...Array.from({ length: 80 }, (_, seed) => drawn(seed + 1))]
  test.each(lines)('%s %s', async (type, line) => {
    const view = { type, qemuArgs: line.split(' ') } as unknown as MachineView
    const found = checkUsbPorts(view)
    const [error] = found.filter((d) => d.severity === 'error')
    const seen = await askQemu(type, line)
    expect(seen.status === 0, seen.stderr).toBe(error === undefined)
    if (error) expect(seen.stderr).toMatch(WORDS[error.code as keyof typeof WORDS])
    else
      expect(seen.hubs > line.split('usb-hub').length - 1).toBe(found.some((d) => d.code === 'USB_HUB_ADDED'))
  })
})
