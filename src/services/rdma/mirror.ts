/**
 * Addresses of guests on an interface of this computer, for as long as the guests have them. RDMA sends by addresses of the
 * interface that the port belongs to, so each address of a guest has to be one of it (libvirt does the same).
 *
 * A guard outside removes what is left when bringup is killed.
 */
import { execFile, spawn } from 'node:child_process'
import { readRdmaDevices } from '../../host/rdma.ts'

export interface MirrorOptions {
  /** Words before a command of root's. */
  readonly prefix: readonly string[]
  readonly onChange?: (change: { readonly address: string; readonly isAdded: boolean }) => void
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

export function openMirror({ prefix, onChange }: MirrorOptions): Mirror {
  const guard = startMirrorGuard()
  /** Those that were added here. */
  const added = new Map<string, readonly string[]>()
  const wordsFor = (verb: 'add' | 'del', address: string, name: string) => [
    ...prefix,
    ...['ip', 'address', verb, address, 'dev', name],
    // Duplicate address detection would keep it from being used for a second.
    ...(verb === 'add' && address.includes(':') ? ['nodad'] : []),
  ]
  const takeBack = async (key: string) => {
    const words = added.get(key)
    if (!words) return
    added.delete(key)
    await run(words)
    guard.release(words)
    onChange?.({ address: key, isAdded: false })
  }
  const keyOf = (place: MirrorPlace, gid: Buffer) => `${addressOf(gid)} on ${place.interface}`
  return {
    async add(place, gid) {
      const address = addressOf(gid)
      const removal = wordsFor('del', address, place.interface)
      if (hasGid(place, gid)) return
      guard.watch(removal)
      const isAdded = await run(wordsFor('add', address, place.interface))
      if (!isAdded) {
        guard.release(removal)
        return
      }
      added.set(keyOf(place, gid), removal)
      onChange?.({ address: keyOf(place, gid), isAdded: true })
      await untilKnown(place, gid)
    },
    remove: (place, gid) => takeBack(keyOf(place, gid)),
    async [Symbol.asyncDispose]() {
      for (const key of [...added.keys()]) await takeBack(key)
      guard[Symbol.dispose]()
    },
  }
}

const hasGid = (place: MirrorPlace, gid: Buffer) =>
  readRdmaDevices()
    .find(({ name }) => name === place.device)
    ?.ports.find(({ number }) => number === place.port)
    ?.gids.some((one) => one.gid === kernelText(gid)) === true

const LOOK_MS = 20
const PATIENCE_MS = 5000

/** The kernel tells RDMA of an address a moment later, and says nothing when it has. */
function untilKnown(place: MirrorPlace, gid: Buffer): Promise<void> {
  const begun = performance.now()
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!hasGid(place, gid) && performance.now() - begun < PATIENCE_MS) return
      clearInterval(timer)
      resolve()
    }, LOOK_MS)
  })
}

/** Whether it went well. */
function run([program = '', ...args]: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(program, args, { env: { PATH: process.env.PATH, LC_ALL: 'C' } }, (error) => resolve(!error))
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
