/** What happens in a run, as it happens: for the terminal, for programs (`--events`), and for the record. */
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Verdict } from '../guest/verdict.ts'
import { cut, printableJson } from '../guest-text.ts'
import type { NetworkEvent } from '../network/network-event.ts'
import { OWN_FILE } from '../own-files.ts'
import type { ServiceEvent } from '../services/start-service.ts'

/** What can happen. Plain JSON; `guest` is the guest's name in the run. */
export type RunHappening =
  | ServiceEvent
  | (NetworkEvent & { readonly network: string })
  | { readonly type: 'run started'; readonly id: string; readonly name: string; readonly folder: string }
  /** The guest starts when that has happened. */
  | { readonly type: 'guest waiting'; readonly guest: string; readonly for: string }
  | { readonly type: 'guest starting'; readonly guest: string }
  /** The guest's machine runs. `pid` is QEMU's. */
  | { readonly type: 'guest started'; readonly guest: string; readonly pid: number }
  | { readonly type: 'console line'; readonly guest: string; readonly line: string }
  /** A line that the guest has drawn on its screen. */
  | { readonly type: 'screen line'; readonly guest: string; readonly line: string }
  | { readonly type: 'command started'; readonly guest: string; readonly command: readonly string[] }
  | {
      readonly type: 'command line'
      readonly guest: string
      readonly stream: 'stdout' | 'stderr'
      readonly line: string
    }
  | { readonly type: 'command ended'; readonly guest: string; readonly exitCode: number }
  | {
      readonly type: 'guest ended'
      readonly guest: string
      readonly verdict: Verdict
      readonly exitCode: number
      readonly meaning: string
    }
  /** It was never started. */
  | { readonly type: 'guest skipped'; readonly guest: string; readonly because: string }
  | {
      readonly type: 'run ended'
      readonly verdict: Verdict
      readonly exitCode: number
      readonly meaning: string
    }

/** `at` is the time in milliseconds since 1970. */
export type RunEvent = { readonly at: number } & RunHappening

/** Lines of consoles and commands that the record keeps of each guest; its console log has all of them. */
const RECORDED_LINES = 10_000

/** A line of the guest's that goes on for longer is cut. */
const LONGEST_LINE = 4096

/** Hands every event to the record and to those who listen. */
export class RunEvents {
  readonly #listeners = new Set<(event: RunEvent) => void>()
  readonly #lines = new Map<string, number>()
  #file: number | undefined

  /** @param path File that gets every event, a JSON line each. */
  constructor(path: string) {
    this.#file = openSync(path, 'wx', OWN_FILE)
  }

  /** Returns what takes the listener away again. */
  on(listener: (event: RunEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  emit(happening: RunHappening): void {
    const event = { at: Date.now(), ...happening }
    if (!('line' in event)) this.#record(event)
    else if (this.#isRecorded(event.guest)) this.#record({ ...event, line: cut(event.line, LONGEST_LINE) })
    for (const listener of this.#listeners) listener(event)
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  #isRecorded(guest: string): boolean {
    const count = this.#lines.get(guest) ?? 0
    this.#lines.set(guest, count + 1)
    return count < RECORDED_LINES
  }

  /** A disk that is full must not end the guests: the record of events stops. */
  #record(event: RunEvent): void {
    if (this.#file === undefined) return
    try {
      writeSync(this.#file, eventLine(event))
    } catch {
      this.close()
    }
  }
}

/** An event as a line of JSON without control characters. */
export function eventLine(event: RunEvent): string {
  return `${printableJson(JSON.stringify(event))}\n`
}
