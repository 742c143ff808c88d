import { defineConfig } from 'bringup'

// `bringup run` calls cargo and boots the ELF directly: QEMU finds the PVH note in it.
export default defineConfig({
  kernel: {
    build: ['cargo', 'build', '--offline', '--locked'],
    image: 'target/x86_64-unknown-linux-gnu/debug/rust-kernel',
  },
  machines: { default: { summary: 'one CPU', memory: '64M' } },
})
