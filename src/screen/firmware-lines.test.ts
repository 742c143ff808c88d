import { expect, it } from 'vitest'
import { withoutFirmware } from './firmware-lines.ts'

it('leaves the words of firmware out, and those of a kernel in', () => {
  const screen = [
    'SeaBIOS (version 1.16.2-debian-1.16.2-1)',
    'iPXE (https://ipxe.org) 00:02.0 CA00 PCI2.10 PnP PMM',
    'Booting from ROM..',
    'Booting the kernel',
    'No bootable device.',
  ]
  expect(withoutFirmware(screen)).toEqual(['Booting the kernel', 'No bootable device.'])
})
