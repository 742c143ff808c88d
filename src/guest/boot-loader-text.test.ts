import { expect, test } from 'vitest'
import { createDrawnTest, showsMenu, withoutLoader } from './boot-loader-text.ts'

test('messages of firmware and boot loaders do not count as the kernel’s', () => {
  const said = [
    'Welcome to GRUB!',
    "  Booting `Run ALL PASSED'",
    'ISOLINUX 6.04 20200816  Copyright (C) 1994-2015 H. Peter Anvin et al',
    'Loading /nosuch.elf... failed: No such file or directory',
    'boot: ',
    'limine: Loading executable `boot():/ALL PASSED`...',
    'No bootable device.  Retrying in 60 seconds.',
    'Nothing to boot: No such file or directory (http://ipxe.org/2d03e18e)',
    'FS0:\\> echo ALL PASSED',
    'SeaBIOS (version 1.16.2-debian-1.16.2-1)',
    'Booting from Hard Disk...',
    'BdsDxe: starting Boot0001 "UEFI Misc Device" from PciRoot(0x0)/Pci(0x1,0x0)',
    '                    Boot in 3 s.',
  ]
  expect(said.map(withoutLoader)).toEqual(said.map(() => ''))
  for (const line of ['ALL PASSED', 'login: ', 'Booting kernel', 'Loading tests', 'boot: ALL PASSED'])
    expect(withoutLoader(line)).toBe(line)
})

test('a menu is a screen of the boot loader until it loads an entry', () => {
  const menu = ['my menu', ' Run ALL PASSED ', 'Press [Tab] to edit options']
  expect(showsMenu(menu)).toBe(true)
  expect(showsMenu([...menu, 'Loading /kernel... ok'])).toBe(false)
  expect(showsMenu([' Run ALL PASSED ', '   Reboot Into Firmware Interface'])).toBe(true)
  expect(showsMenu(['ARROWS Select    ENTER Boot', 'ALL PASSED'])).toBe(true)
  expect(showsMenu(['ALL PASSED'])).toBe(false)
})

test('a line on which the cursor is placed is drawn, once that is no exception', () => {
  const howPrinted = createDrawnTest()
  expect(howPrinted('\x1b[1;1H\x1b[5;3Hdone', false)).toBe('placed')
  expect(howPrinted('\x1b[5;2H|\x1b[5;79H|', true)).toBe('drawn')
  expect(howPrinted('\x1b[5;2H|\x1b[5;79H|', false)).toBe('drawn')
  expect(howPrinted('\x1b[5;3H*Run ALL PASSED', false)).toBe('drawn')
  expect(howPrinted('ALL PASSED', false)).toBe('printed')
})
