/** A project with a sweep on a cluster of a test, and what is left of it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import {
  type Attempt,
  findSweep,
  listSweeps,
  readAttempts,
  readSweep,
  type SweepFolder,
} from '../../src/sweeps/record.ts'
import { type SweepSummary, summarizeSweep } from '../../src/sweeps/summary.ts'
import { killWhenStuck } from './progress.ts'
import { processes, type SlurmCluster } from './slurm.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))

/** Cells that pass, each with another kernel command line. */
export const appends = (count: number, more = '') =>
  Array.from({ length: count }, (_, index) => `report=no n=${index}${more}`)

/** CPU time of a bringup that only waits for jobs. */
const CPU_SECONDS = 120

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A bringup that runs. */
export class Running {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  #isOver = false
  stdout = ''
  stderr = ''

  constructor(
    argv: readonly string[],
    { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
  ) {
    this.process = spawn(process.execPath, [BIN, ...argv], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    killWhenStuck(this.process, CPU_SECONDS)
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.ended = once(this.process, 'close').then(([code]) => {
      this.#isOver = true
      return { code, stdout: this.stdout, stderr: this.stderr }
    })
  }

  /** Waits for what happens while it runs. @throws if it ends first */
  async until(isMet: () => boolean): Promise<void> {
    while (!isMet()) {
      if (this.#isOver) throw new Error(`bringup ended first: ${this.stderr}`)
      await pause(20)
    }
  }
}

export interface Sweep {
  readonly over: Readonly<Record<string, readonly unknown[]>>
  readonly repeat?: number
  readonly slurm?: object
  readonly machine?: string
  readonly command?: readonly string[]
}

export class SlurmProject {
  readonly folder: string
  readonly cluster: SlurmCluster
  readonly #config: object
  /** On the disk of the nodes. */
  readonly scratch: string

  /** @param home folder for the project. Default: that of the cluster */
  constructor(cluster: SlurmCluster, sweeps: Readonly<Record<string, Sweep>>, home = cluster.folder) {
    this.cluster = cluster
    this.folder = join(home, `project-${Object.keys(sweeps).join('-')}`)
    this.scratch = join(cluster.folder, 'scratch')
    mkdirSync(this.folder)
    mkdirSync(this.scratch, { recursive: true })
    this.#config = {
      machines: { default: { memory: '64M', boot: { append: 'report=no' } } },
      slurm: { scratch: this.scratch },
      sweeps,
    }
    this.configure({})
  }

  configure(more: object): void {
    writeFileSync(join(this.folder, 'bringup.config.json'), JSON.stringify({ ...this.#config, ...more }))
  }

  /** Ids of the sweeps that are recorded. */
  sweeps(): readonly string[] {
    return listSweeps(this.#state).map(({ id }) => id)
  }

  /** The bringup of a job whose QEMU has that word in its command line. */
  guestOfJob(word: string): number | undefined {
    const qemu = processes().find((pid) => {
      const isOurs = environmentOf(pid).includes(`SLURM_CONF=${join(this.cluster.folder, 'slurm.conf')}`)
      return (
        isOurs &&
        wordsOf(pid).some((one) => one.split(' ').includes(word)) &&
        wordsOf(pid)[0]?.includes('qemu')
      )
    })
    return qemu === undefined
      ? undefined
      : Number(
          textOf(`/proc/${qemu}/stat`)
            .replace(/^.*\) \S /s, '')
            .split(' ')[0],
        )
  }

  start(argv: readonly string[], environment: NodeJS.ProcessEnv = {}): Running {
    return new Running(argv, { cwd: this.folder, env: { ...this.cluster.environment, ...environment } })
  }

  sweep(name: string, ...options: readonly string[]): Running {
    return this.start(['sweep', name, '--on', 'slurm', ...options])
  }

  get #state(): string {
    return join(this.folder, '.bringup')
  }

  folderOf(name: string): SweepFolder {
    return findSweep(this.#state, name)
  }

  attempts(name: string): readonly Attempt[] {
    try {
      return readAttempts(this.folderOf(name))
    } catch {
      return []
    }
  }

  summary(name: string): SweepSummary {
    return summarizeSweep(readSweep(this.folderOf(name)), this.attempts(name))
  }

  /** Every cell has the verdict that its kernel decides, and nothing is left. */
  expectRight(name: string, count: number): void {
    const { done, wanted, cells } = this.summary(name)
    expect({ done, wanted }).toEqual({ done: count, wanted: count })
    for (const { label, state, worst } of cells) {
      const right = label.includes('exit=9')
        ? { state: 'failed', worst: 'failed' }
        : label.includes('hang')
          ? { state: 'failed', worst: 'timed-out' }
          : { state: 'passed', worst: 'passed' }
      expect({ label, state, worst }).toEqual({ label, ...right })
    }
    expect(this.leftovers()).toEqual([])
  }

  /** Words of QEMU in the runs of the sweep. */
  argvOf({ run = '' }: Attempt): string {
    const folder = join(this.#state, 'runs', run, 'guests')
    const [guest = ''] = readdirSync(folder)
    return readFileSync(join(folder, guest, 'argv.json'), 'utf8')
  }

  /** Tasks that a node has taken and not finished. */
  claimsOf(name: string, node: string): readonly number[] {
    try {
      const folder = join(this.folderOf(name).path, 'slurm/1/claims')
      return readdirSync(folder)
        .filter(
          (one) => /^\d+$/.test(one) && readFileSync(join(folder, one), 'utf8').includes(`"node":"${node}"`),
        )
        .map(Number)
    } catch {
      return []
    }
  }

  /** As the file system of a node that lost its power: it comes back empty, or an administrator clears it. */
  clearScratch(node = ''): void {
    for (const name of readdirSync(this.scratch).filter((one) => one.endsWith(node)))
      rmSync(join(this.scratch, name), { recursive: true })
  }

  /** Jobs, processes of jobs and files on nodes that are still there. */
  leftovers(): readonly string[] {
    const jobs = this.cluster.activeJobs().map(({ job_id, job_state }) => `job ${job_id} ${job_state}`)
    const running = this.cluster.nodes.flatMap((node) =>
      this.cluster
        .processesOf(node)
        .filter((pid) => !wordsOf(pid).some((word) => word === '-N' || word === '--mount'))
        .map((pid) => `process ${pid} on ${node}: ${wordsOf(pid).slice(0, 4).join(' ')}`),
    )
    return [...jobs, ...running, ...readdirSync(this.scratch).map((name) => `scratch ${name}`)]
  }
}

const textOf = (path: string) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
const wordsOf = (pid: number) => textOf(`/proc/${pid}/cmdline`).split('\0')
const environmentOf = (pid: number) => textOf(`/proc/${pid}/environ`).split('\0')
