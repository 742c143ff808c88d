/** Whether this is a container, where modules cannot be loaded and devices may be missing. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readText } from './read-file.ts'

/** Name of what runs the container (`docker`, `podman`, `lxc`…); undefined outside of one. */
export function readContainer(root = '/'): string | undefined {
  // systemd's container interface: what runs the container names itself here, or in PID 1's environment.
  const named = readText(root, 'run/systemd/container') ?? environmentOfInit(root)
  if (named) return named
  if (existsSync(join(root, 'run/.containerenv'))) return 'podman'
  if (existsSync(join(root, '.dockerenv'))) return 'docker'
  const group = readText(root, 'proc/1/cgroup') ?? ''
  return /\/(docker|kubepods|lxc|libpod)[-/]/.exec(group)?.[1]
}

function environmentOfInit(root: string): string | undefined {
  const entry = readText(root, 'proc/1/environ')
    ?.split('\0')
    .find((line) => line.startsWith('container='))
  return entry?.slice('container='.length) || undefined
}
