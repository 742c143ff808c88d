/**
 * A Slurm cluster on this computer: a munged, a slurmctld and several slurmds on loopback, in a throw-away folder with a
 * key and a configuration of its own. Each node has a mount namespace, so that folders can be hidden from it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { hostname, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

export interface ClusterOptions {
  readonly nodes?: number
  readonly cpus?: number
  /** More lines of slurm.conf. */
  readonly conf?: readonly string[]
  /** Lines of partitions. Default: one of all nodes. */
  readonly partitions?: readonly string[]
  /** Mounts in the namespace of a node: words of mount(8). */
  readonly mounts?: Readonly<Record<string, readonly (readonly string[])[]>>
}

export interface QueuedJob {
  readonly job_id: number
  readonly array_job_id: number
  readonly job_state: string
  readonly nodes: string
  readonly restart_cnt: number
}

/** The program, from the folders where packages put daemons. */
const sbin = (name: string) =>
  [`/usr/sbin/${name}`, `/sbin/${name}`, `/usr/bin/${name}`].find(existsSync) ?? name

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

export class SlurmCluster implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'slurm-'))
  readonly nodes: readonly string[]
  readonly #daemons = new Map<string, ChildProcess>()
  readonly #options: ClusterOptions

  private constructor(options: ClusterOptions) {
    this.#options = options
    this.nodes = Array.from({ length: options.nodes ?? 4 }, (_, index) => `n${index + 1}`)
  }

  static async start(options: ClusterOptions = {}): Promise<SlurmCluster> {
    const cluster = new SlurmCluster(options)
    try {
      await cluster.#begin()
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, SLURM_CONF: join(this.folder, 'slurm.conf') }
  }

  async #begin(): Promise<void> {
    const { folder, nodes } = this
    chmodSync(folder, 0o755)
    for (const name of ['munge', 'state', ...nodes.map((node) => `spool.${node}`)])
      mkdirSync(join(folder, name), { mode: 0o755 })
    const munge = (name: string) => join(folder, 'munge', name)
    run([sbin('mungekey'), '-c', '-k', munge('key')])
    const munged = ['--foreground', '--force', `--key-file=${munge('key')}`, `--socket=${munge('sock')}`]
    this.#daemon('munged', [
      sbin('munged'),
      ...munged,
      `--pid-file=${munge('pid')}`,
      `--log-file=${munge('log')}`,
      `--seed-file=${munge('seed')}`,
    ])
    await this.until(() => spawnSync('munge', ['-n', '-S', munge('sock')]).status === 0)
    const [control = 0, ...ports] = await freePorts(nodes.length + 1)
    writeFileSync(join(folder, 'cgroup.conf'), 'CgroupPlugin=cgroup/v1\n')
    writeFileSync(join(folder, 'slurm.conf'), `${this.#conf(control, ports).join('\n')}\n`)
    this.startController()
    for (const node of nodes) this.startNode(node)
    await this.until(() => this.idleNodes().length === nodes.length)
  }

  #conf(control: number, ports: readonly number[]): readonly string[] {
    const { folder, nodes } = this
    const {
      cpus = 2,
      conf = [],
      partitions = [`PartitionName=main Nodes=${nodes.join(',')} Default=YES MaxTime=60 State=UP`],
    } = this.#options
    const host = hostname().split('.')[0] ?? 'localhost'
    return [
      'ClusterName=t',
      `SlurmctldHost=${host}(127.0.0.1)`,
      `SlurmctldPort=${control}`,
      `SlurmUser=${userInfo().username}`,
      `SlurmdUser=${userInfo().username}`,
      'AuthType=auth/munge',
      'CredType=cred/munge',
      `AuthInfo=socket=${folder}/munge/sock`,
      'CommunicationParameters=NoInAddrAny,NoCtldInAddrAny',
      'ProctrackType=proctrack/linuxproc',
      'TaskPlugin=task/none',
      ...(conf.some((line) => line.startsWith('JobAcctGatherType='))
        ? []
        : ['JobAcctGatherType=jobacct_gather/none']),
      'SelectType=select/cons_tres',
      'SelectTypeParameters=CR_CPU_Memory',
      'DefMemPerCPU=256',
      'SchedulerType=sched/backfill',
      'SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1',
      'MpiDefault=none',
      'SwitchType=switch/none',
      'ReturnToService=2',
      'KillWait=120',
      // A client waits that long for a controller that is down.
      'MessageTimeout=5',
      `StateSaveLocation=${folder}/state`,
      `SlurmdSpoolDir=${folder}/spool.%n`,
      `SlurmctldPidFile=${folder}/slurmctld.pid`,
      `SlurmdPidFile=${folder}/slurmd.%n.pid`,
      `SlurmctldLogFile=${folder}/slurmctld.log`,
      `SlurmdLogFile=${folder}/slurmd.%n.log`,
      'SlurmdParameters=config_overrides',
      ...conf,
      ...nodes.map(
        (node, index) =>
          `NodeName=${node} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${ports[index]} CPUs=${cpus} RealMemory=4000 State=UNKNOWN`,
      ),
      ...partitions,
    ]
  }

  startController(): void {
    this.#daemon('slurmctld', [sbin('slurmctld'), '-D', '-f', join(this.folder, 'slurm.conf')])
  }

  /** As a crash of the controller does. */
  async killController(): Promise<void> {
    await this.#end('slurmctld', 'SIGKILL')
  }

  startNode(node: string): void {
    const mounts = this.#options.mounts?.[node] ?? []
    const slurmd = [sbin('slurmd'), '-D', '-f', join(this.folder, 'slurm.conf'), '-N', node]
    const inside = [process.execPath, '-e', IN_NAMESPACE, JSON.stringify({ mounts, slurmd })]
    // Mounts need root.
    this.#daemon(node, mounts.length === 0 ? slurmd : ['unshare', '--mount', ...inside])
  }

  /** As a loss of power does: every process of the node ends at once. */
  async powerOff(node: string): Promise<void> {
    const kill = (pid: number) => {
      for (const child of childrenOf(pid)) kill(child)
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has ended.
      }
    }
    for (const pid of this.processesOf(node)) kill(pid)
    await this.#end(node, 'SIGKILL')
  }

  /** slurmd, the step daemons of its jobs and what they run. */
  processesOf(node: string): readonly number[] {
    return processes().filter((pid) => nodeOf(pid, this.folder) === node)
  }

  command(program: string, ...args: readonly string[]): string {
    const { stdout, stderr, status } = spawnSync(program, args, {
      env: this.environment,
      encoding: 'utf8',
      timeout: 60_000,
    })
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
    return stdout
  }

  /** Each once, although it is in several partitions. */
  idleNodes(): readonly string[] {
    try {
      const lines = this.command('sinfo', '--noheader', '--Node', '--states=idle', '--format=%N').split('\n')
      return [...new Set(lines.filter(Boolean))]
    } catch {
      return []
    }
  }

  jobs(): readonly QueuedJob[] {
    return (JSON.parse(this.command('squeue', '--json', '--states=all')) as { jobs: QueuedJob[] }).jobs
  }

  /** Jobs that wait, run or are ending. */
  activeJobs(): readonly QueuedJob[] {
    return this.jobs().filter(({ job_state }) =>
      ['PENDING', 'RUNNING', 'COMPLETING', 'CONFIGURING', 'SUSPENDED'].includes(job_state),
    )
  }

  /** Polls. @throws if a daemon ends that was not ended by the test */
  async until(isMet: () => boolean): Promise<void> {
    while (!isMet()) {
      for (const [name, child] of this.#daemons)
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`${name} ended: ${readFileSync(join(this.folder, `${name}.err`), 'utf8')}`)
      await pause(20)
    }
  }

  #daemon(name: string, [program = '', ...args]: readonly string[]): void {
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: this.environment,
      cwd: this.folder,
    })
    let text = ''
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      writeFileSync(join(this.folder, `${name}.err`), text)
    })
    this.#daemons.set(name, child)
  }

  async #end(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = this.#daemons.get(name)
    this.#daemons.delete(name)
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'exit')
    child.kill(signal)
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await this.powerOff(node)
    await this.#end('slurmctld', 'SIGTERM')
    await this.#end('munged', 'SIGTERM')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Makes the mounts, then becomes slurmd as far as signals and the end are concerned. */
const IN_NAMESPACE = `
const { spawnSync, spawn } = require('node:child_process')
const { mounts, slurmd } = JSON.parse(process.argv[1])
for (const words of mounts) {
  const { status, stderr } = spawnSync('mount', words)
  if (status !== 0) { console.error(String(stderr)); process.exit(1) }
}
const child = spawn(slurmd[0], slurmd.slice(1), { stdio: 'inherit' })
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill(signal))
child.on('exit', (code) => process.exit(code ?? 1))
`

function run([program = '', ...args]: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program}: ${stderr}`)
}

export const processes = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)

const childrenOf = (parent: number) =>
  processes().filter((pid) => / (\d+)/.exec(statOf(pid))?.[1] === `${parent}`)

/** State and parent of a process. */
function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '')
  } catch {
    return ''
  }
}

/** A step daemon has no environment that can be read, but the log of its slurmd. */
function nodeOf(pid: number, folder: string): string | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    if (words[0]?.startsWith('slurmstepd')) {
      const log = readlinkSync(`/proc/${pid}/fd/3`)
      return log.startsWith(`${folder}/slurmd.`) ? /slurmd\.(\w+)\.log/.exec(log)?.[1] : undefined
    }
    const environ = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    if (!environ.includes(`SLURM_CONF=${join(folder, 'slurm.conf')}`)) return undefined
    if (words[0]?.endsWith('slurmd')) return words[words.indexOf('-N') + 1]
    return environ.find((entry) => entry.startsWith('SLURMD_NODENAME='))?.slice('SLURMD_NODENAME='.length)
  } catch {
    return undefined
  }
}
