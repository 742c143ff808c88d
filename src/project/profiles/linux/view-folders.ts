/** Shared folders, as the driver of 9p and the table of mounts show them. */
import type { HardwareView } from '../../../machine/guest-view.ts'
import { matching, type Printed } from './view-files.ts'

/** A tag may end with a zero byte, which `grep` takes for a binary file. */
export const FOLDER_SCRIPT = `
for file in /sys/bus/virtio/devices/*/mount_tag; do
  [ -e $file ] && echo "$file:$(tr -d '\\0' < $file)"
done
while read -r what where type rest; do
  case $type in 9p|virtiofs|overlay) count=$((count+1)); echo "/proc/mounts/$count:$where" ;; esac
done < /proc/mounts`

export function foldersOf(printed: Printed): NonNullable<HardwareView['folders']> {
  return {
    tags: matching(printed, /^\/sys\/bus\/virtio\/devices\/[^/]+\/mount_tag$/).map(({ text }) => text),
    mounts: matching(printed, /^\/proc\/mounts\/\d+$/).map(({ text }) => unescaped(text)),
  }
}

/** /proc/mounts has spaces, tabs, newlines and backslashes of paths as octal numbers (proc(5)). */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
