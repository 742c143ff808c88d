import { defineConfig } from 'bringup'

// The machine that `npm start` boots: two NUMA nodes with a CPU each, and a DIMM on node 1 that forgets nothing.
export default defineConfig({
  machines: {
    default: {
      summary: 'two NUMA nodes, and a persistent DIMM on node 1',
      cpu: 2,
      memory: '512M',
      numa: 2,
      devices: [{ kind: 'nvdimm', id: 'pm0', size: '128M', node: 1 }],
    },
  },
})
