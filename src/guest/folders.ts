/** Mounts the shared folders of a machine in its guest, over the command channel. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { foldersOf } from '../machine/devices/folder-schema.ts'
import { viewOf } from '../machine/machine.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { CommandResult } from './guest.ts'

export const problems = defineDiagnostics({
  FOLDER_NOT_MOUNTED: {
    severity: 'warning',
    title: 'The guest could not mount a shared folder.',
    why: 'its kernel needs NET_9P_VIRTIO and 9P_FS, VIRTIO_FS for the transport virtiofs, and OVERLAY_FS for access "overlay"',
    remedy:
      'enable the options in your kernel, omit --kernel to boot the kernel of this distribution, or share no folder',
  },
})

/**
 * Arguments: tag, path in the guest, access and transport, folder by folder. Prints the tag of each that failed.
 *
 * An overlay gets names of its own for its layers: a comma or a colon in them would end the name. msize 512000 is the
 * most that the driver takes; the default of 8192 is 24 to 55 times slower. `cache=loose` is right for a tree that only
 * the guest changes; a writable one needs `mmap`, since `none` has no shared mappings.
 */
const SCRIPT = `
grep -qs -w 9p /proc/filesystems || modprobe -a 9pnet_virtio 9p overlay 2>/dev/null
with=trans=virtio,version=9p2000.L,msize=512000
grep -qs -w virtiofs /proc/filesystems || modprobe virtiofs 2>/dev/null
while [ $# -gt 3 ]; do
  tag=$1 at=$2 access=$3 type=$4 own=/run/bringup/folders/$1
  shift 4
  case $type in
    9p) fixed=,$with,cache=loose open=,$with,cache=mmap ;;
    *) fixed= open= ;;
  esac
  mkdir -p "$at" && case $access in
    readonly) mount -t $type -o ro$fixed "$tag" "$at" ;;
    rw) mount -t $type -o rw$open "$tag" "$at" ;;
    overlay)
      mkdir -p "$own/lower" "$own/own" &&
      mount -t $type -o ro$fixed "$tag" "$own/lower" &&
      mount -t tmpfs -o mode=0700 bringup "$own/own" &&
      mkdir "$own/own/upper" "$own/own/work" &&
      mount -t overlay -o "lowerdir=$own/lower,upperdir=$own/own/upper,workdir=$own/own/work" "$tag" "$at" ;;
  esac || echo "$tag"
done`

type Run = (argv: readonly string[]) => Promise<CommandResult>

/** Outer folders first, so that the mount points of inner ones lie in them. */
export async function mountFolders({ name, machine }: Pick<GuestPlan, 'name' | 'machine'>, run: Run) {
  const folders = foldersOf(viewOf(name, machine)).toSorted((a, b) => a.guest.length - b.guest.length)
  const args = folders.flatMap(({ id, guest, config }) => [id, guest, config.access, config.transport])
  const { stdout, stderr } = await run(['/bin/sh', '-c', SCRIPT, 'bringup', ...args])
  const failed = new Set(stdout.split('\n'))
  return folders
    .filter(({ id }) => failed.has(id))
    .map(({ id, at, guest, config }): Diagnostic => {
      const what = `folder "${id}" (${config.path}) is not mounted at ${guest} in the guest`
      return problems.FOLDER_NOT_MOUNTED.at(at, what, { evidence: stderr.split('\n').filter(Boolean) })
    })
}
