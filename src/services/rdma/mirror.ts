/**
 * Addresses of guests on an interface of this computer, for as long as the guests have them. RDMA sends by addresses of the
 * interface that the port belongs to, so each address of a guest has to be one of it (libvirt does the same).
 *
 * A guard outside removes what is left when bringup is killed.
 */
import { execFile, spawn } from 'node:child_process'
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { readRdmaDevices } from '../../host/rdma.ts'

export const problems = defineDiagnostics({
  RDMA_ADDRESS_NOT_SET: {
    severity: 'warning',
    title: 'An address of a guest could not be set on an interface of this computer.',
    why: 'RDMA sends by addresses of the interface; transfers of the guest from that address fail',
    remedy: 'see what `ip` said below; set the address as root with the same command, then run again',
  },
  RDMA_ADDRESS_UNUSED: {
    severity: 'warning',
    title: 'RDMA of this computer did not take over an address of a guest in time.',
    why: 'the address is set, and the port has no GID of it; the guest cannot send from it',
    remedy: 'look at the state of the port with `bringup rdma status`: its interface has to be up',
  },
  RDMA_ADDRESS_STAYS: {
    severity: 'warning',
    title: 'An address of a guest could not be removed from an interface of this computer.',
    why: 'the interface or the right to change it was lost; sudo may ask for a password again',
    remedy: 'remove it as root with the command below',
  },
})

export interface MirrorOptions {
  /** Words before a command of root's. */
  readonly prefix: readonly string[]
  /** Something went wrong; the run goes on. */
  readonly onFinding: (finding: Diagnostic) => void
  /** Whether a port has an address. Default: as the kernel says. */
  readonly hasGid?: (place: MirrorPlace, gid: Buffer) => boolean
}

export interface Mirror extends AsyncDisposable {
  /** Resolves once the address is one of the interface, and RDMA knows it. An address that was there stays when it is removed. */
  add(place: MirrorPlace, gid: Buffer): Promise<void>
  remove(place: MirrorPlace, gid: Buffer): Promise<void>
}

/** A port, and its interface. */
export interface MirrorPlace {
  readonly device: string
  readonly port: number
  readonly interface: string
}

/** `::ffff:a.b.c.d` stands for an address of IPv4. Link-local addresses have the prefix that they always have. */
export function addressOf(gid: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => gid.readUInt16BE(2 * i))
  const isIpv4 = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (isIpv4) return `${[...gid.subarray(12)].join('.')}/32`
  const text = groups.map((group) => group.toString(16)).join(':')
  return `${text}/${groups[0] === 0xfe80 ? 64 : 128}`
}

/** As the kernel prints it in sysfs. */
const kernelText = (gid: Buffer) => (gid.toString('hex').match(/.{4}/g) ?? []).join(':')

export function openMirror({ prefix, onFinding, hasGid = kernelHasGid }: MirrorOptions): Mirror {
  const guard = startMirrorGuard()
  /** The commands that remove what was added here, by address and interface. */
  const added = new Map<string, readonly string[]>()
  const adding = new Set<Promise<void>>()
  let isClosing = false
  const wordsFor = (verb: 'add' | 'del', address: string, name: string) => [
    ...prefix,
    ...['ip', 'address', verb, address, 'dev', name],
    // Duplicate address detection would keep it from being used for a second.
    ...(verb === 'add' && address.includes(':') ? ['nodad'] : []),
  ]
  const takeBack = async (key: string) => {
    const words = added.get(key)
    if (!words) return
    const failure = await run(words)
    if (failure !== undefined) {
      onFinding(
        problems.RDMA_ADDRESS_STAYS.at('', `${key} was not removed`, {
          evidence: [words.join(' '), ...failure],
        }),
      )
      return
    }
    added.delete(key)
    guard.release(words)
  }
  const keyOf = (place: MirrorPlace, gid: Buffer) => `${addressOf(gid)} on ${place.interface}`
  const add = async (place: MirrorPlace, gid: Buffer) => {
    const address = addressOf(gid)
    const key = keyOf(place, gid)
    const removal = wordsFor('del', address, place.interface)
    const words = wordsFor('add', address, place.interface)
    guard.watch(removal)
    const failure = await run(words)
    if (failure !== undefined) {
      guard.release(removal)
      // Another run, or the user, may have set it in that moment.
      if (hasGid(place, gid)) return
      const evidence = [words.join(' '), ...failure]
      onFinding(problems.RDMA_ADDRESS_NOT_SET.at('', `${key} was not set`, { evidence }))
      return
    }
    added.set(key, removal)
    if (!isClosing && !(await isKnownInTime(() => isClosing || hasGid(place, gid))))
      onFinding(
        problems.RDMA_ADDRESS_UNUSED.at(
          '',
          `port ${place.port} of ${place.device} has no GID for ${key} after ${PATIENCE_MS} ms`,
        ),
      )
  }
  return {
    async add(place, gid) {
      if (isClosing || hasGid(place, gid)) return
      const made = add(place, gid)
      adding.add(made)
      await made.finally(() => adding.delete(made))
    },
    remove: (place, gid) => takeBack(keyOf(place, gid)),
    async [Symbol.asyncDispose]() {
      isClosing = true
      await Promise.allSettled(adding)
      for (const key of [...added.keys()]) await takeBack(key)
      guard[Symbol.dispose]()
    },
  }
}

const kernelHasGid = (place: MirrorPlace, gid: Buffer) =>
  readRdmaDevices()
    .find(({ name }) => name === place.device)
    ?.ports.find(({ number }) => number === place.port)
    ?.gids.some((one) => one.gid === kernelText(gid)) === true

const LOOK_MS = 20
const PATIENCE_MS = 5000

/** The kernel tells RDMA of an address a moment later, and says nothing when it has. */
function isKnownInTime(isKnown: () => boolean): Promise<boolean> {
  const begun = performance.now()
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const known = isKnown()
      if (!known && performance.now() - begun < PATIENCE_MS) return
      clearInterval(timer)
      resolve(known)
    }, LOOK_MS)
  })
}

/** What it said if it failed; undefined if it went well. */
function run([program = '', ...args]: readonly string[]): Promise<readonly string[] | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, { env: { PATH: process.env.PATH, LC_ALL: 'C' } }, (error, _, stderr) => {
      const lines = stderr.split('\n').filter(Boolean)
      resolve(error ? (lines.length > 0 ? lines : [error.message.split('\n')[0] ?? '']) : undefined)
    })
  })
}

/** Runs the commands that it holds when bringup is killed. */
function startMirrorGuard() {
  const child = spawn(process.execPath, ['-e', `(${mirrorGuard})()`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Ctrl-C on the terminal is for bringup to hear.
    detached: true,
    cwd: '/',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  })
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.unref()
  const say = (sign: '+' | '-', words: readonly string[]) =>
    void child.stdin.write(`${sign}${JSON.stringify(words)}\n`)
  return {
    watch: (words: readonly string[]) => say('+', words),
    release: (words: readonly string[]) => say('-', words),
    [Symbol.dispose]: () => void child.stdin.end('.\n'),
  }
}

/** Runs as text in a process of its own, so it uses nothing from outside itself. */
function mirrorGuard(): void {
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const held = new Set<string>()
  let rest = ''
  process.stdin.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '.') process.exit()
      if (line.startsWith('+')) held.add(line.slice(1))
      else held.delete(line.slice(1))
    }
  })
  process.stdin.on('error', () => {})
  process.stdin.on('close', () => {
    for (const line of held) {
      const [program = '', ...args] = JSON.parse(line) as string[]
      spawnSync(program, args, { stdio: 'ignore' })
    }
    process.exit()
  })
}
