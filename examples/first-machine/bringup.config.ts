import { defineConfig } from 'bringup'

// The machine that `npm start` boots: two NUMA nodes with a CPU each, and a DIMM on node 1 that forgets nothing.
export default defineConfig({
  machines: {
    default: {
      summary: 'two NUMA nodes, and a persistent DIMM on node 1',
      cpu: { cores: 2 },
      memory: { size: '512M' },
      numa: { nodes: 2 },
      devices: [{ kind: 'nvdimm', id: 'pm0', size: '128M', node: 1 }],
    },
  },
})
