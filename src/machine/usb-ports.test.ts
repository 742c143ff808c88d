import { describe, expect, it } from 'vitest'
import type { MachineView } from './device.ts'
import { checkUsbPorts } from './usb-ports.ts'

// test/e2e/rules-core.test.ts shows the same lines to real QEMU.
const found = (line: string, type = 'q35') =>
  checkUsbPorts({ type, qemuArgs: line.split(' ').filter(Boolean) } as unknown as MachineView)
const codes = (line: string, type?: string) => found(line, type).map((d) => d.code)
const times = (count: number, device = 'usb-kbd') => `-device ${device} `.repeat(count)

describe('ports of a USB bus', () => {
  it.each([
    // Machine, controller, ports: one device fewer fits without a hub of QEMU's.
    ['pc', '-usb', 2],
    ['q35', '-usb', 6],
    ['q35', '-machine usb=on', 6],
    ['q35', '-device qemu-xhci', 4],
    ['q35', '-device qemu-xhci,p2=8', 8],
    ['q35', '-device nec-usb-xhci,p2=15,p3=15', 15],
    ['pc', '-device pci-ohci', 3],
    ['pc', '-device pci-ohci,num-ports=5', 5],
    ['pc', '-device piix3-usb-uhci', 2],
  ])('%s with %s: %d, and a chain of five hubs at the last', (type, controller, ports) => {
    expect(codes(`${controller} ${times(ports - 1)}`, type)).toEqual([])
    expect(codes(`${controller} ${times(ports)}`, type)).toEqual(['USB_HUB_ADDED'])
    expect(codes(`${controller} ${times(ports + 35)}`, type)).toEqual(['USB_HUB_ADDED'])
    expect(codes(`${controller} ${times(ports + 36)}`, type)).toEqual(['USB_PORTS_FULL', 'USB_HUB_ADDED'])
  })

  it('of high speed alone take no hub', () => {
    expect(codes(`-device usb-ehci ${times(6, 'usb-tablet')}`)).toEqual([])
    expect(codes(`-device usb-ehci ${times(7, 'usb-tablet')}`)).toEqual(['USB_PORTS_FULL'])
    // Ports 1 and 2 alone have a companion, and the hub would come to port 6.
    const companion = '-device ich9-usb-ehci1,id=e -device ich9-usb-uhci1,masterbus=e.0,firstport=0'
    expect(codes(`${companion} ${times(7)}`)).toEqual(['USB_PORTS_FULL'])
    expect(codes('-device usb-ehci -device usb-serial,chardev=c')).toEqual(['USB_SPEED_UNFIT'])
    expect(codes('-device usb-ehci -device usb-kbd,usb_version=1')).toEqual(['USB_SPEED_UNFIT'])
    expect(codes('-device pci-ohci -device usb-uas')).toEqual(['USB_SPEED_UNFIT'])
    expect(codes(`${companion} -device usb-serial,chardev=c`)).toEqual([])
  })

  it('are missing without a controller in front of the device', () => {
    expect(codes('-device usb-kbd')).toEqual(['USB_BUS_MISSING'])
    expect(codes('-device usb-kbd -device qemu-xhci')).toEqual(['USB_BUS_MISSING'])
    // Devices in JSON are made last.
    expect(codes('-device {"driver":"qemu-xhci"} -device usb-kbd')).toEqual(['USB_BUS_MISSING'])
    expect(codes('-device {"driver":"usb-kbd"} -device qemu-xhci')).toEqual([])
    expect(codes('-device qemu-xhci,id=x -device usb-kbd,bus=y.0')).toEqual(['USB_BUS_MISSING'])
    expect(codes('-device qemu-xhci,id=x -device {"driver":"usb-kbd","bus":"x.0"}')).toEqual([])
    expect(codes('-usb -device usb-kbd,bus=usb-bus.0')).toEqual([])
    expect(codes('-usbdevice tablet')).toEqual([])
    expect(codes('-device virtio-rng-pci')).toEqual([])
  })

  it('can be named, once; behind a hub too', () => {
    expect(codes('-usb -device usb-kbd,port=1 -device usb-kbd,port=1', 'pc')).toEqual(['USB_PORT_TAKEN'])
    expect(codes('-usb -device usb-kbd,port=3', 'pc')).toEqual(['USB_PORT_TAKEN'])
    expect(codes('-usb -device usb-kbd -device usb-kbd,port=2', 'pc')).toEqual([])
    expect(codes('-usb -device usb-hub,port=1 -device usb-kbd,port=1.8', 'pc')).toEqual([])
    expect(codes('-usb -device usb-hub,port=1,ports=3 -device usb-kbd,port=1.4', 'pc')).toEqual([
      'USB_PORT_TAKEN',
    ])
    // A hub of the user's own is not one of QEMU's.
    expect(codes(`-usb ${times(2, 'usb-hub')} ${times(3)}`, 'pc')).toEqual([])
    expect(codes(`-usb -device usb-hub,port=1 ${times(6, 'usb-hub')}`, 'pc')).toEqual([])
  })

  it('are those of the youngest controller, unless a bus is named', () => {
    expect(codes(`-usb -device usb-ehci ${times(7)}`, 'pc')).toEqual(['USB_PORTS_FULL'])
    expect(codes(`-device usb-ehci -usb ${times(7)}`, 'pc')).toEqual(['USB_PORTS_FULL'])
    expect(codes('-device usb-ehci,id=a -device qemu-xhci -device usb-serial')).toEqual([])
    // Behind bridges the order is that of the bridges: nothing is said.
    expect(codes(`-device pci-bridge,id=b,chassis_nr=1 -usb -device usb-ehci,bus=b ${times(9)}`)).toEqual([])
  })

  it('name the user’s word and the ones behind the hub', () => {
    const [hub] = found(`-usb ${times(1)} -device usb-storage,id=stick`, 'pc')
    expect(hub).toMatchObject({
      severity: 'note',
      path: 'qemuArgs[4]',
      what: 'usb-bus.0 of piix3-usb-uhci has 2 ports; behind a hub: stick',
    })
  })
})
