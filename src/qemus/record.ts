/**
 * The record of an installed QEMU: `qemu.json` in its folder. Paths in it are relative to that folder, and `{folder}` in
 * words stands for it, so that the folder can be made elsewhere and renamed.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import type { QemuStarting } from '../machine/facts.ts'

export const RECORD = 'qemu.json'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._+~-]*$/

/** Whether a QEMU can be installed under that name: it is a folder below the others, and a word of a command. */
export const isName = (name: string) => NAME.test(name)

const sha256 = z.lazy(() => z.string().regex(/^[0-9a-f]{64}$/))

/** Relative, and below the folder. */
const inside = z.lazy(() =>
  z.string().refine((path) => path !== '' && !path.startsWith('/') && !path.split('/').includes('..'), {
    error: 'not a path below the folder',
  }),
)

const packagesOrigin = z.lazy(() =>
  z.strictObject({
    kind: z.literal('packages'),
    distribution: z.string(),
    suite: z.string(),
    mirror: z.string(),
    packages: z.array(z.strictObject({ name: z.string(), version: z.string(), sha256 })),
  }),
)

const sourceOrigin = z.lazy(() =>
  z.strictObject({
    kind: z.literal('source'),
    /** A URL, a path, or `apt-source SUITE`. */
    source: z.string(),
    /** Of the archive. */
    sha256: sha256.optional(),
    /** Fingerprint of the key that signed it. */
    signedBy: z.string().optional(),
    commit: z.string().optional(),
    isDebug: z.boolean(),
    /** Arguments of `configure`. */
    configure: z.array(z.string()),
  }),
)

export const recordSchema = z.lazy(() =>
  z.strictObject({
    format: z.literal(1),
    name: z.string().regex(NAME),
    version: z.string(),
    from: z.discriminatedUnion('kind', [packagesOrigin, sourceOrigin]),
    /** System emulators by architecture: `{ x86_64: 'usr/bin/qemu-system-x86_64' }`. */
    programs: z.record(z.string(), inside),
    start: z.strictObject({
      /** Words before the program: a loader that the folder brings along, and its options. */
      loader: z.array(z.string()),
      environment: z.record(z.string(), z.string()),
      /** Arguments behind the program, such as `-L {folder}/usr/share/qemu`. */
      args: z.array(z.string()),
    }),
    /** Other programs: `{ 'rdmacm-mux': 'bin/rdmacm-mux' }`. */
    tools: z.record(z.string(), inside),
    /** Features of the binary when it was installed. */
    features: z.array(z.string()),
    installedAt: z.iso.datetime(),
    /** SHA-256 of every file by its path; a symbolic link by `-> TARGET`. */
    files: z.record(z.string(), z.string()),
  }),
)

/** What `qemu.json` holds. */
export type QemuRecord = Readonly<z.infer<typeof recordSchema>>

/** A QEMU that is installed beside the system's. All paths are absolute. */
export interface InstalledQemu {
  readonly name: string
  readonly folder: string
  readonly record: QemuRecord
}

/** The record in a folder, or why it cannot be used. */
export function readRecord(folder: string): QemuRecord | { readonly problem: string } {
  try {
    const parsed = recordSchema.safeParse(JSON.parse(readFileSync(join(folder, RECORD), 'utf8')))
    return parsed.success ? parsed.data : { problem: z.prettifyError(parsed.error) }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

/** Words and environment that start it, with the folder filled in. */
export function startOf({ folder, record, name }: InstalledQemu): QemuStarting {
  const { loader, environment, args } = record.start
  const filled = (word: string) => word.replaceAll('{folder}', folder)
  return {
    installed: name,
    record: join(folder, RECORD),
    before: loader.map(filled),
    environment: Object.fromEntries(
      Object.entries(environment).map(([key, value]) => [key, filled(value)] as const),
    ),
    args: args.map(filled),
  }
}
