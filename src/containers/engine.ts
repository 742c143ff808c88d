/** Which container engine works here: found by asking it, not by looking for its files. */
import { execa } from 'execa'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'

export const ENGINE_NAMES = ['docker', 'podman'] as const
export type EngineName = (typeof ENGINE_NAMES)[number]

export const problems = defineDiagnostics({
  CONTAINER_ENGINE_MISSING: {
    title: 'No container engine is installed.',
    why: 'containers are run by Docker or Podman',
    remedy: 'Debian, Ubuntu: apt install podman (no daemon, no root), or apt install docker.io',
  },
  CONTAINER_SOCKET_DENIED: {
    title: 'This user has no access to the Docker daemon.',
    why: 'its socket belongs to root and the group docker; write access to it amounts to root, since a container can mount any folder of this computer',
    remedy:
      'if this user may as well be root: `sudo usermod --append --groups docker "$USER"`, then log in again (or `newgrp docker`). If not: apt install podman, which needs no such right',
    source: 'Docker documentation, "Docker daemon attack surface"',
  },
  CONTAINER_DAEMON_DOWN: {
    title: 'Docker is installed, but its daemon does not answer.',
    why: 'the docker command only passes requests on to the daemon',
    remedy:
      'start it: `sudo systemctl start docker` (or `sudo service docker start`); DOCKER_HOST names another one',
  },
  CONTAINER_ENGINE_BROKEN: {
    title: 'The container engine is installed and does not work.',
    why: 'its output is the evidence',
    remedy: 'fix the error below, or choose the other engine with --engine',
  },
})

/** An engine that answered. */
export interface Engine {
  readonly name: EngineName
  readonly version: string
  /** The daemon, or Podman, runs as this user: root inside is this user outside. */
  readonly isRootless: boolean
  /** SELinux labels files here, and would keep a container from the source tree. */
  readonly hasSelinux: boolean
  /** Containers get a network of their own by default. Where not, they share this computer's. */
  readonly hasOwnNetwork: boolean
}

/** One engine that was tried. */
export interface EngineTrial {
  readonly name: EngineName
  readonly engine?: Engine
  /** Why it cannot be used. */
  readonly problem?: Diagnostic
}

/** Tries both, side by side. */
export function tryEngines(signal: AbortSignal): Promise<readonly EngineTrial[]> {
  return Promise.all(ENGINE_NAMES.map((name) => tryEngine(name, signal)))
}

/**
 * The first engine that works.
 *
 * @param named Only that one.
 * @throws BringupError with the reason of every engine that was tried
 */
export async function findEngine(signal: AbortSignal, named?: EngineName): Promise<Engine> {
  const trials = named === undefined ? await tryEngines(signal) : [await tryEngine(named, signal)]
  const engine = trials.find((t) => t.engine)?.engine
  if (engine) return engine
  const reasons = trials.flatMap((t) => t.problem ?? [])
  // An engine that is merely absent says nothing where another one is there and broken.
  const telling = reasons.filter((d) => d.code !== 'CONTAINER_ENGINE_MISSING')
  throw new BringupError(telling.length > 0 ? telling : reasons.slice(0, 1))
}

const TRIAL_TIMEOUT_MS = 15_000

async function tryEngine(name: EngineName, signal: AbortSignal): Promise<EngineTrial> {
  const ask = async (...args: string[]) => {
    const result = await execa(name, args, {
      reject: false,
      cancelSignal: signal,
      timeout: TRIAL_TIMEOUT_MS,
      env: { LC_ALL: 'C' },
    })
    signal.throwIfAborted()
    return result
  }
  const [info, networks] = await Promise.all([
    ask('info', '--format', '{{json .}}'),
    ask('network', 'ls', '--format', '{{.Driver}}'),
  ])
  const facts = info.failed ? undefined : parseInfo(name, info.stdout ?? '', networks.stdout ?? '')
  if (facts && !('words' in facts)) return { name, engine: facts }
  const words = facts?.words ?? info.stderr ?? info.shortMessage ?? ''
  return { name, problem: explain(name, info.code === 'ENOENT', words) }
}

interface DockerInfo {
  readonly ServerVersion?: string
  readonly ServerErrors?: readonly string[]
  readonly SecurityOptions?: readonly string[]
}

interface PodmanInfo {
  readonly version?: { readonly Version?: string }
  readonly host?: { readonly security?: { readonly rootless?: boolean; readonly selinuxEnabled?: boolean } }
}

/** What `info` says; its complaint where the client answers and the daemon does not. */
export function parseInfo(
  name: EngineName,
  text: string,
  drivers: string,
): Engine | { readonly words: string } {
  const info = parseJson(text)
  if (name === 'podman') {
    const { version, host } = info as PodmanInfo
    const { rootless = false, selinuxEnabled = false } = host?.security ?? {}
    return {
      name,
      version: version?.Version ?? '',
      isRootless: rootless,
      hasSelinux: selinuxEnabled,
      hasOwnNetwork: true,
    }
  }
  const { ServerVersion = '', ServerErrors = [], SecurityOptions } = info as DockerInfo
  if (ServerVersion === '') return { words: ServerErrors.join('\n') }
  const options = (SecurityOptions ?? []).join(' ')
  return {
    name,
    version: ServerVersion,
    isRootless: options.includes('name=rootless'),
    hasSelinux: options.includes('name=selinux'),
    hasOwnNetwork: drivers.split('\n').includes('bridge'),
  }
}

function parseJson(text: string): object {
  try {
    return JSON.parse(text) as object
  } catch {
    return {}
  }
}

function explain(name: EngineName, isMissing: boolean, words: string): Diagnostic {
  const evidence = words.split('\n').filter(Boolean).slice(0, 10)
  if (isMissing) return problems.CONTAINER_ENGINE_MISSING.at('', 'there is neither docker nor podman in PATH')
  if (/permission denied/i.test(words) && name === 'docker')
    return problems.CONTAINER_SOCKET_DENIED.at('', 'the daemon’s socket refused this user', { evidence })
  if (/cannot connect|is the docker daemon running|no such file|connection refused/i.test(words))
    return problems.CONTAINER_DAEMON_DOWN.at('', `${name} does not answer`, { evidence })
  return problems.CONTAINER_ENGINE_BROKEN.at('', `${name} was tried and does not work`, { evidence })
}
