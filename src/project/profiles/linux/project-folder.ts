/** The folder of the project in the guest: at its own path, so that commands find what they find on this computer. */
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { whyNoMountPoint } from '../../../machine/devices/folder-schema.ts'
import type { MachineInput } from '../../../machine/machine.ts'
import type { PrepareContext } from '../../profile.ts'

/** A home folder holds keys and passwords, and so does every folder above it. */
function isPrivate(folder: string): boolean {
  const home = homedir()
  return folder === '/' || folder === home || home.startsWith(`${folder}/`)
}

/** Some of the 30 slots of the root bus are left for what is not counted here. */
const MOST_DEVICES = 20

const isCrowded = ({ devices = [], qemuArgs = [] }: MachineInput) =>
  devices.length + qemuArgs.length > MOST_DEVICES

/** The device, unless the folder is private, cannot be mounted at its path, or is shared by the user's own words. */
export function projectFolder({
  sharesProject: access,
  projectFolder: path,
  machine,
}: Pick<PrepareContext, 'sharesProject' | 'projectFolder' | 'machine'>): NonNullable<
  MachineInput['devices']
> {
  if (access === undefined || isPrivate(path) || whyNoMountPoint(path) !== undefined) return []
  if (access === 'if-possible' && isCrowded(machine)) return []
  const isShared = (machine.devices ?? []).some(
    (device) => device.id === 'project' || (device.kind === 'folder' && resolve(path, device.path) === path),
  )
  return isShared
    ? []
    : [{ kind: 'folder', id: 'project', path, access: access === 'if-possible' ? 'overlay' : access }]
}
