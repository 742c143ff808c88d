/**
 * How other processes of the same user talk to the process that owns a run: JSON lines over an abstract socket. The name
 * of the socket and a secret are in a file that only this user can read; the first line of a client repeats the secret.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { diagnosticSchema } from '../guest/record.ts'
import type { RunFolder } from './record.ts'

/** `control.json` in the folder of a running run. */
export const doorSchema = z.strictObject({ socket: z.string(), secret: z.string() })
export type Door = z.output<typeof doorSchema>

export const doorFile = ({ path }: Pick<RunFolder, 'path'>) => join(path, 'control.json')

/** The door of a run; undefined when nothing has opened one. */
export function readDoor(folder: Pick<RunFolder, 'path'>): Door | undefined {
  try {
    return doorSchema.parse(JSON.parse(readFileSync(doorFile(folder), 'utf8')))
  } catch {
    return undefined
  }
}

const size = z.strictObject({ rows: z.int().min(1).max(10_000), columns: z.int().min(1).max(10_000) })

/** What can be asked of a run. */
export const requestSchema = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('stop') }),
  z.strictObject({ op: z.literal('attach'), guest: z.string() }),
  z.strictObject({
    op: z.literal('exec'),
    guest: z.string(),
    argv: z.array(z.string()).nonempty(),
    /** Runs on a terminal of the guest. */
    terminal: size.extend({ term: z.string() }).optional(),
    /** Lines of input follow, and its end. */
    hasInput: z.boolean(),
  }),
  z.strictObject({
    op: z.literal('screen'),
    guest: z.string(),
    withPicture: z.boolean(),
    /** Of several. */
    display: z.string().optional(),
    /** Keys that are pressed first: those of a text, or a list by name. */
    keys: z
      .union([z.string(), z.array(z.string())])
      .readonly()
      .optional(),
  }),
  z.strictObject({
    op: z.literal('save'),
    /** Without it, the rack is saved. */
    guest: z.string().optional(),
    name: z.string(),
    /** What becomes of frames between the guests of the rack. */
    frames: z.enum(['keep', 'drop']).optional(),
  }),
  z.strictObject({
    op: z.enum(['copyIn', 'copyOut']),
    guest: z.string(),
    from: z.string(),
    to: z.string(),
  }),
])
export type ControlRequest = z.output<typeof requestSchema>

/** What comes of `screen`; the picture in base64. */
export const screenAnswerSchema = z.object({
  screen: z.object({
    text: z.string(),
    colored: z.string(),
    unread: z.int(),
    isBlank: z.boolean(),
    png: z.base64().optional(),
  }),
})

/** The first line of a client. */
export const openingSchema = z.strictObject({ secret: z.string(), request: requestSchema })

/** What a client may send afterwards: bytes in base64, the end of its input, a new size of its window. */
export const inputSchema = z.union([
  z.strictObject({ input: z.base64() }),
  z.strictObject({ end: z.literal(true) }),
  z.strictObject({ size }),
])
export type ControlInput = z.output<typeof inputSchema>

/** What the run answers: output, then one result or what went wrong. */
export const answerSchema = z.union([
  z.strictObject({ stdout: z.base64() }),
  z.strictObject({ stderr: z.base64() }),
  z.strictObject({ done: z.looseObject({ exitCode: z.int().optional() }) }),
  z.strictObject({ failed: z.array(diagnosticSchema) }),
])
export type ControlAnswer = z.input<typeof answerSchema>
