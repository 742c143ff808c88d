import { expect, it } from 'vitest'
import { qemuCommandIn } from './qemu-command.ts'

const read = (command: string) => qemuCommandIn([command])

it.each([
  [
    'qemu-system-i386 -kernel kernel.bin -append "a b" -initrd fs.img',
    { key: 'image', path: 'kernel.bin', append: 'a b', initrd: 'fs.img' },
  ],
  [
    'qemu-system-x86_64 -cdrom build/os.iso -m 256M -serial stdio',
    { key: 'iso', path: 'build/os.iso', memory: '256M' },
  ],
  ['qemu-system-i386 -m 32 -fda floppy.img', { key: 'floppy', path: 'floppy.img', memory: '32M' }],
  ['qemu-system-i386 -drive file=a.img,index=0,if=floppy,format=raw', { key: 'floppy', path: 'a.img' }],
  ['qemu-system-x86_64 -hda disk.img', { key: 'disk', path: 'disk.img', bus: 'ide' }],
  ['qemu-system-x86_64 disk.img', { key: 'disk', path: 'disk.img', bus: 'ide' }],
  [
    'qemu-system-x86_64 -drive format=raw,file=os.bin,if=virtio',
    { key: 'disk', path: 'os.bin', bus: 'virtio' },
  ],
  [
    '$(QEMU) -nographic -drive file=fs.img,index=1,media=disk,format=raw -drive file=xv6.img,index=0',
    { key: 'disk', path: 'xv6.img', more: ['fs.img'], bus: 'ide' },
  ],
  ['cd out && qemu-system-x86_64 -drive media=cdrom,file=x.iso && echo done', { key: 'iso', path: 'x.iso' }],
] as const)('%s', (command, booted) => {
  expect(read(command)).toEqual({ more: [], ...booted })
})

it('is silent where a command does not say it', () => {
  expect(read('qemu-system-x86_64 -cdrom $(shell ls *.iso)')).toBeUndefined()
  expect(read('qemu-system-aarch64 -kernel kernel.elf')).toBeUndefined()
  expect(read('echo no emulator')).toBeUndefined()
  expect(read('qemu-system-x86_64 -nographic')).toBeUndefined()
})
