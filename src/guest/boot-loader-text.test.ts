import { expect, test } from 'vitest'
import { createDrawnTest, loaderTextOf } from './boot-loader-text.ts'

const medium = loaderTextOf({})
const uefi = loaderTextOf({ firmware: 'uefi' })

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
    'SeaBIOS (version 1.16.2-debian-1.16.2-1)',
    'Booting from Hard Disk...',
    '                    Boot in 3 s.',
  ]
  expect(said.map(medium.without)).toEqual(said.map(() => ''))
  const shell = [
    'FS0:\\> echo ALL PASSED',
    'Shell> ',
    'BdsDxe: starting Boot0001 "UEFI Misc Device" from PciRoot(0x0)',
  ]
  expect(shell.map(uefi.without)).toEqual(['', '', ''])
  for (const line of ['ALL PASSED', 'login: ', 'Booting kernel', 'Loading tests', 'boot: ALL PASSED'])
    expect(medium.without(line)).toBe(line)
})

test('words of what the machine does not have are those of the kernel', () => {
  const kernel = loaderTextOf({ kernel: 'kernel.elf' })
  for (const line of ['Shell> ', 'error: no such test', 'boot: ', 'Loading tests... ok', 'Boot in 3 s.'])
    expect(kernel.without(line)).toBe(line)
  expect(kernel.showsMenu(['Boot in 3 s.'])).toBe(false)
  expect(kernel.without('SeaBIOS (version 1.16.2-debian-1.16.2-1)')).toBe('')
  expect(medium.without('Shell> ')).toBe('Shell> ')
})

test('a menu is a screen of the boot loader until it loads an entry', () => {
  const menu = ['my menu', ' Run ALL PASSED ', 'Press [Tab] to edit options']
  expect(medium.showsMenu(menu)).toBe(true)
  expect(medium.showsMenu([...menu, 'Loading /kernel... ok'])).toBe(false)
  expect(medium.showsMenu([' Run ALL PASSED ', '   Reboot Into Firmware Interface'])).toBe(true)
  expect(medium.showsMenu(['ARROWS Select    ENTER Boot', 'ALL PASSED'])).toBe(true)
  expect(medium.showsMenu(['ALL PASSED'])).toBe(false)
})

test('a line on which the cursor is placed is drawn, once that is no exception', () => {
  const howPrinted = createDrawnTest()
  expect(howPrinted('\x1b[1;1H\x1b[5;3Hdone', false)).toBe('placed')
  expect(howPrinted('\x1b[5;2H|\x1b[5;79H|', true)).toBe('drawn')
  expect(howPrinted('\x1b[5;2H|\x1b[5;79H|', false)).toBe('drawn')
  expect(howPrinted('\x1b[5;3H*Run ALL PASSED', false)).toBe('drawn')
  expect(howPrinted('ALL PASSED', false)).toBe('printed')
})
