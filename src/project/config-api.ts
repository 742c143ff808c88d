/**
 * What a `bringup.config` may import from 'bringup'. The loader hands it these very modules, so that a config works
 * where bringup is not installed, and so that loading one does not load the machinery that starts guests.
 */
import type { MachineInput } from '../machine/machine.ts'
import type { ConfigInput } from './config.ts'

export { GiB, KiB, MiB, TiB } from '../units.ts'
export { defineProfile } from './profile.ts'
export { debianProfile } from './profiles/debian.ts'
export { linuxProfile } from './profiles/linux.ts'
export { type NrkOptions, nrkProfile } from './profiles/nrk.ts'

/**
 * Declares a project's machines; returns its argument and exists for the types.
 *
 * @example
 * export default defineConfig({
 *   machines: { small: { memory: { size: '256M' } } },
 * })
 */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config
}

/**
 * Declares one machine; returns its argument and exists for the types.
 *
 * @example
 * const small = defineMachine({ cpu: 2, memory: '256M' })
 * export default defineConfig({ machines: { small, twoNodes: { ...small, numa: 2 } } })
 */
export function defineMachine(machine: MachineInput): MachineInput {
  return machine
}
