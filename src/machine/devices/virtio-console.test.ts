import { expect, test } from 'vitest'
import { flat, machineWith } from '../../../test/support/device-context.ts'
import { virtioConsole } from './virtio-console.ts'

test('a console and a named port share one controller, which the first brings', () => {
  const devices = machineWith([
    [virtioConsole, {}],
    [virtioConsole, { id: 'shell', name: 'org.bringup.shell', purpose: 'shell' }],
  ])
  expect(devices.map((d) => flat(d.compile().args))).toMatchInlineSnapshot(`
    [
      [
        "-device",
        "virtio-serial-pci,id=virtio-serial",
        "-device",
        "virtconsole,id=virtio-console0-port,bus=virtio-serial.0,chardev=virtio-console0",
      ],
      [
        "-device",
        "virtserialport,id=shell-port,bus=virtio-serial.0,chardev=shell,name=org.bringup.shell",
      ],
    ]
  `)
  expect(devices.flatMap((d) => d.compile().channels)).toEqual([
    { id: 'virtio-console0', purpose: 'log', label: 'virtio-console0' },
    { id: 'shell', purpose: 'shell', label: 'org.bringup.shell' },
  ])
})

test('names are unique, ports are 30', () => {
  expect(
    machineWith([
      [virtioConsole, { name: 'x' }],
      [virtioConsole, { name: 'x' }],
    ]).flatMap((d) => d.codes()),
  ).toEqual(['VIRTIO_CONSOLE_NAME_TWICE'])
  const named = Array.from({ length: 31 }, (_, i) => [virtioConsole, { name: `n${i}` }] as const)
  expect(machineWith(named).flatMap((d) => d.check())).toMatchObject([
    { code: 'VIRTIO_CONSOLE_TOO_MANY', path: 'devices[30]' },
  ])
})

test('a console has port 0, which is one more', () => {
  const consoles = (length: number) =>
    machineWith(Array.from({ length }, () => [virtioConsole, {}] as const)).flatMap((d) => d.check())
  expect(consoles(31)).toEqual([])
  expect(consoles(32)).toMatchObject([{ code: 'VIRTIO_CONSOLE_TOO_MANY', path: 'devices[31]' }])
})
