/** Starts a machine, plugs an NVDIMM into it, says so, and stays: `plug-and-wait.ts STATE FILE`. */
import { launch } from '../../src/launch.ts'

const [state = '', file = ''] = process.argv.slice(2)
const guest = await launch(
  { memory: { size: '64M', hotplug: { size: '16M' } }, boot: { append: 'ready-hang' }, timeout: '10m' },
  { state, folder: state },
)
await guest.qemu.plug({ kind: 'nvdimm', size: '16M', file })
process.stdout.write('plugged\n')
await guest.done
