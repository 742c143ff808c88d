import { defineConfig } from 'bringup'

// `bringup run` calls make, boots the disk image, and gives you the kernel's serial port.
export default defineConfig({
  kernel: { build: ['make'], disk: 'build/disk.img' },
  machines: { default: { summary: 'one CPU and a BIOS', memory: '64M' } },
})
