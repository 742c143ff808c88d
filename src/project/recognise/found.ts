/** A command for QEMU that a tree has itself, and what comes before it. Pure. */
import { posix } from 'node:path'
import type { QemuCommand } from './qemu-words.ts'

export interface FoundCommand {
  readonly command: QemuCommand
  /** For people: `Makefile, rule run`. */
  readonly where: string
  /** Folder that paths of the command are relative to; `.` is the tree. */
  readonly folder: string
  /** What is called by its place in that file: `run`, `qemu`. */
  readonly name: string
  /** Commands that build what is booted, where the file says them. */
  readonly build?: readonly (readonly string[])[]
  /** Part of what the file does before cannot be read from it. */
  readonly isBuildGuess?: boolean
  /** Values of `exitCodes` that the tree says: what is written to the exit device. */
  readonly passes?: readonly number[]
}

/** Names by which people start a machine, in the order in which they are looked for. */
const RUNS = ['run', 'qemu', 'start', 'boot', 'emulate', 'launch', 'test', 'all']

/** Place of a name in that order; a variant such as `run-bios` comes after all plain ones. */
export function placeOf(name: string): number {
  const plain = name.replace(/\.(sh|bash|py|pl)$/, '').toLowerCase()
  const exact = RUNS.indexOf(plain)
  if (exact >= 0) return exact
  const part = RUNS.findIndex((run) => plain.split(/[-_]/).includes(run))
  const isSpecial = /debug|gdb|uefi|test|nox|trace|mon/.test(plain)
  return RUNS.length * (isSpecial ? 3 : 1) + (part < 0 ? RUNS.length : part)
}

/** `[ $? -eq 33 ]`, `[ $status == 33 ]`, `(( $? == 33 ))`, and the words behind it. */
const STATUS = /\$(?:\$?\?|\{?\w+\}?)"?\s*(?:-eq|==?)\s*"?(\d{1,3})\b(.{0,80})/g

/**
 * What a text that starts QEMU takes for a pass, as values written to the exit device: QEMU exits with twice that and
 * one. A status behind which the text fails is not a pass.
 */
export function passesIn(text: string, { words }: QemuCommand): Pick<FoundCommand, 'passes'> {
  if (!words.some((word) => word.includes('isa-debug-exit'))) return {}
  const passes = [...text.replaceAll(/\s+/g, ' ').matchAll(STATUS)].flatMap(([, status, behind = '']) => {
    const isFailure = /\bexit [1-9]|\bfalse\b|fail|panic/i.test(
      behind.split(/\bfi\b|\belse\b|\belif\b/)[0] ?? '',
    )
    const value = (Number(status) - 1) / 2
    return Number.isInteger(value) && value > 0 && !isFailure ? [value] : []
  })
  return passes.length === 0 ? {} : { passes }
}

/** A path of a command, relative to the tree; undefined for one outside it, and for one that a shell has to expand. */
export function pathInTree(path: string, folder: string): string | undefined {
  if (path === '' || /[$`*?]/.test(path)) return undefined
  const normal = posix.normalize(posix.join(posix.isAbsolute(path) ? '' : folder, path))
  return posix.isAbsolute(path) || normal.startsWith('..') ? undefined : normal
}
