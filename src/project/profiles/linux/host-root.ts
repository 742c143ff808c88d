/** The file system of this computer as that of commands in a Linux guest: read-only beneath an overlay. */
import { type Diagnostic, defineDiagnostics } from '../../../diagnostics.ts'
import { foldersOf } from '../../../machine/devices/folder-schema.ts'
import { type MachineInput, viewOf } from '../../../machine/machine.ts'
import type { GuestPlan } from '../../../plan/plan.ts'
import type { Settling } from '../../profile.ts'

export const problems = defineDiagnostics({
  HOST_ROOT_NOT_READY: {
    severity: 'warning',
    title: 'The file system of this computer could not be made ready for commands in the guest.',
    why: 'its kernel mounts it over 9p, and proc, sysfs, devtmpfs and tmpfs in it',
    remedy: 'omit --kernel to boot the kernel of this distribution, or omit --root',
  },
})

const ID = 'root'
const PLACE = '/run/bringup/host'

/** The device; its access is read-only but for the memory of the guest. */
export const hostRootFolder: NonNullable<MachineInput['devices']>[number] = {
  kind: 'folder',
  id: ID,
  path: '/',
  guest: PLACE,
}

/**
 * Arguments: paths of the other folders. /tmp and /run of this computer are covered, since their sockets are no use in
 * the guest; what is written stays in the overlay.
 */
const SCRIPT = `set -e
cd ${PLACE}
for one in proc sys dev; do mount --rbind /$one $one; done
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs tmpfs run
mkdir -p run/lock
if [ -e /etc/resolv.conf ]; then
  rm -f etc/resolv.conf
  cp /etc/resolv.conf etc/resolv.conf
fi
for at; do
  mkdir -p "${PLACE}$at"
  mount --bind "$at" "${PLACE}$at"
done`

/** Undefined where the guest has a root of its own only. */
export function hostRootSettling({
  name,
  machine,
}: Pick<GuestPlan, 'name' | 'machine'>): Settling | undefined {
  const folders = foldersOf(viewOf(name, machine))
  const root = folders.find(({ id, guest }) => id === ID && guest === PLACE)
  if (!root) return undefined
  const others = folders.filter((folder) => folder !== root).map((folder) => folder.guest)
  return async (run) => {
    const { exitCode, stderr } = await run(['/bin/sh', '-c', SCRIPT, 'bringup', ...others])
    if (exitCode === 0) return []
    const evidence = stderr.split('\n').filter(Boolean)
    const found: Diagnostic = problems.HOST_ROOT_NOT_READY.at(root.at, `exit code ${exitCode}`, { evidence })
    return [found]
  }
}

/** The command with that root, in that folder of it. */
export function inHostRoot(argv: readonly string[], cwd: string): readonly string[] {
  return ['chroot', PLACE, '/bin/sh', '-c', 'cd "$0" && exec "$@"', cwd, ...argv]
}
