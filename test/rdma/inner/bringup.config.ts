import { defineConfig } from 'bringup'
const verbs = (n) => ({ profile: 'linux', memory: '256M', timeout: '10m', devices: [{ kind: 'pvrdma', id: 'r0', device: 'rxe0', network: 'lan' }] })
export default defineConfig({
  racks: {
    pair: {
      networks: { lan: {} },
      guests: {
        server: { machine: verbs(0), command: ['ibv_devinfo'] },
      },
    },
  },
})
