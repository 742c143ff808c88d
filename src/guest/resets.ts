/**
 * Tells from QEMU's log of resets (`-d cpu_reset`) what each reset was: the log has the state of every CPU before it.
 *
 * SeaBIOS completes a warm reset by resetting once more, by port 0xcf9 and then by a triple fault (`qemu_reboot` in
 * SeaBIOS' src/fw/shadow.c), so neither a reset nor the words "Triple fault" alone tell what the guest did.
 */
import { closeSync, openSync, readSync } from 'node:fs'

/** Where CPU 0 was: in the guest's own code, in the BIOS below 1 MiB, or still at the reset vector. */
export type ResetPlace = 'guest' | 'bios' | 'reset-vector'

export interface MachineReset {
  readonly place: ResetPlace
  /** A triple fault preceded it. */
  readonly tripleFault: boolean
}

/** Reads a log line by line. CPU 0 is only reset with the whole machine, the others also by INIT. */
export class ResetReader {
  #resets: MachineReset[] = []
  #tripleFault = false
  #isCpu0 = false
  #ip: number | undefined

  /** Resets not yet paired, oldest first. */
  take(): MachineReset | undefined {
    return this.#resets.shift()
  }

  /** A triple fault that no reset followed. */
  get isFaulted(): boolean {
    return this.#tripleFault
  }

  line(line: string): void {
    if (line === 'Triple fault') this.#tripleFault = true
    else if (line.startsWith('CPU Reset (CPU ')) {
      this.#isCpu0 = line === 'CPU Reset (CPU 0)'
      this.#ip = undefined
    } else if (this.#isCpu0) this.#state(line)
  }

  #state(line: string): void {
    const ip = /^[ER]IP=([0-9a-f]+) /.exec(line)?.[1]
    if (ip !== undefined) this.#ip = Number.parseInt(ip, 16)
    const base = /^CS =[0-9a-f]{4} ([0-9a-f]+) /.exec(line)?.[1]
    if (base === undefined || this.#ip === undefined) return
    this.#resets.push({
      place: placeOf(Number.parseInt(base, 16) + this.#ip),
      tripleFault: this.#tripleFault,
    })
    this.#tripleFault = false
    this.#isCpu0 = false
  }
}

function placeOf(address: number): ResetPlace {
  if (address === 0xfffffff0) return 'reset-vector'
  return address >= 0xe0000 && address < 0x100000 ? 'bios' : 'guest'
}

/** Where CPU 0 stands, by `info registers` of QEMU's monitor; undefined where it does not say so. */
export function placeNow(registers: string): ResetPlace | undefined {
  const [, ip] = /^[ER]IP=([0-9a-f]+) /m.exec(registers) ?? []
  const [, base] = /^CS =[0-9a-f]{4} ([0-9a-f]+) /m.exec(registers) ?? []
  if (ip === undefined || base === undefined) return undefined
  return placeOf(Number.parseInt(base, 16) + Number.parseInt(ip, 16))
}

const CHUNK = 256 * 1024
/** Lines of interest are short; `-d int` and the like of the user write others. */
const LONGEST_LINE = 4096

/** Reads the log of a running QEMU, which is flushed before QEMU emits the event of the reset. */
export class ResetLog {
  readonly #path: string
  readonly #reader = new ResetReader()
  #offset = 0
  #partial = ''

  constructor(path: string) {
    this.#path = path
  }

  /** To be called before the guest runs: QEMU resets its CPUs when it makes them. */
  skip(): void {
    this.#read()
    while (this.#reader.take());
  }

  /** The next reset of the machine; to be called once for each RESET event. Undefined where the log is missing. */
  next(): MachineReset | undefined {
    this.#read()
    return this.#reader.take()
  }

  /** True when the last thing that happened is a triple fault. */
  endsWithFault(): boolean {
    this.#read()
    return this.#reader.isFaulted
  }

  #read(): void {
    let fd: number
    try {
      fd = openSync(this.#path, 'r')
    } catch {
      return
    }
    try {
      const buffer = Buffer.alloc(CHUNK)
      for (let bytes = 1; bytes > 0; ) {
        bytes = readSync(fd, buffer, 0, CHUNK, this.#offset)
        this.#offset += bytes
        this.#take(buffer.toString('latin1', 0, bytes))
      }
    } finally {
      closeSync(fd)
    }
  }

  #take(text: string): void {
    const lines = (this.#partial + text).split('\n')
    this.#partial = (lines.pop() ?? '').slice(0, LONGEST_LINE)
    for (const line of lines) this.#reader.line(line)
  }
}

/**
 * Requests of the firmware that may follow one reset. Two were seen on a quiet computer; on a busy one SeaBIOS comes to its
 * triple fault before QEMU serves the reset by port, again and again: twelve in 0.2 s.
 */
const MOST_ECHOES = 64
const ECHOES_BEFORE_PAUSE = 4

/** What a reset by the guest means for the run. */
export type ResetMeaning = 'allowed' | 'crash'

/** What the run allows the guest. */
export interface ResetRights {
  readonly reboot: boolean
  /** Kernels also reboot by a triple fault on purpose (Linux: `reboot=t`); the user has to allow it. */
  readonly tripleFault: boolean
}

/** Decides, reset by reset, which ones the guest may do. */
export class ResetWatch {
  readonly #log: Pick<ResetLog, 'next'>
  readonly #may: ResetRights
  /** Resets by the guest that were asked for: an orderly restart. */
  #asked = 0
  /**
   * What the firmware may still do to complete the last reset: reset by port and triple fault, and of these two requests
   * the second may come to be served when the machine runs again.
   */
  #firmware: 'complete' | 'echo' | undefined
  #echoes = 0
  #triple = false

  constructor(log: Pick<ResetLog, 'next'>, may: ResetRights) {
    this.#log = log
    this.#may = may
  }

  /** The guest was asked to restart itself. */
  expect(): void {
    this.#asked++
  }

  /** A triple fault was the reset that may not be. */
  get tripleFault(): boolean {
    return this.#triple
  }

  /**
   * The firmware and QEMU interrupt each other: a pause breaks their rhythm. SeaBIOS asks for a reset by port and by a triple
   * fault in the same block of translated code. If QEMU serves the first request before the second comes, the second
   * interrupts the firmware of the next start, which asks again at once. QEMU is fast enough only just after a reset.
   */
  get isInRhythm(): boolean {
    return this.#echoes > 0 && this.#echoes % ECHOES_BEFORE_PAUSE === 0
  }

  /** To be called at each RESET event. `hasSpoken`: the console showed something since the last one. */
  reset({ guest, hasSpoken }: { readonly guest: boolean; readonly hasSpoken: boolean }): ResetMeaning {
    const reset = this.#log.next()
    if (!guest) {
      this.#echoes = 0
      return this.#allow('complete')
    }
    // Nothing has run since the last reset.
    if (reset?.place === 'reset-vector') return 'allowed'
    if (reset?.place === 'bios' && this.#firmware === 'complete') return this.#allow('echo')
    // The second request interrupts the firmware, which then completes that reset in the same way.
    if (
      this.#firmware === 'echo' &&
      this.#echoes < MOST_ECHOES &&
      reset?.tripleFault === false &&
      (reset.place === 'bios' || !hasSpoken)
    ) {
      this.#echoes++
      return this.#allow('complete')
    }
    this.#echoes = 0
    if (this.#asked > 0) {
      this.#asked--
      return this.#allow('complete')
    }
    if (reset?.place === 'guest' && reset.tripleFault && !this.#may.tripleFault) {
      this.#triple = true
      return 'crash'
    }
    return this.#may.reboot || reset === undefined ? this.#allow('complete') : 'crash'
  }

  #allow(firmware: 'complete' | 'echo' | undefined): ResetMeaning {
    this.#firmware = firmware
    return 'allowed'
  }
}
