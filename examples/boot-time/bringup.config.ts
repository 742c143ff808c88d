/** How long Linux boots, over NUMA nodes and memory, on two QEMUs: `bringup sweep boot`. */
import { defineConfig } from 'bringup'

export default defineConfig({
  machines: {
    // One CPU, so that two runs at a time do not disturb each other on two cores. Nodes beyond the first are memory only.
    default: { profile: 'linux', cpu: 1, accel: 'tcg' },
  },
  sweeps: {
    boot: {
      summary: 'boot time of Linux over NUMA nodes, memory and QEMU',
      over: { qemu: ['7.2', '10.0'], memory: ['256M', '1G'], numa: [1, 2, 4, 6, 8] },
      repeat: 10,
      command: ['true'],
      metrics: { boot: { path: 'timings.bootMs', unit: 'ms', better: 'lower' } },
    },
  },
})
