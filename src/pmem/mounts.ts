/** What is mounted on this computer. */
import { type Mount, parseMounts } from '../host/mounts.ts'
import type { HostReader } from '../steps/host-reader.ts'

export function mountsOf(host: HostReader): readonly Mount[] {
  return parseMounts(host.read('/proc/self/mountinfo')?.toString() ?? '')
}
