/** What `bringup import` reads: a file, standard input, or the command itself. */
import { createReadStream } from 'node:fs'
import { addAbortSignal, type Readable } from 'node:stream'
import { BringupError } from '../diagnostics.ts'
import { MOST_BYTES, problems } from '../project/recognise/import-machine.ts'
import { qemuNamed } from '../project/recognise/qemu-words.ts'
import { statOf } from '../project/recognise/read-start.ts'
import { isPiped } from './piped-input.ts'
import { usageError } from './usage.ts'

/** One word that is neither options nor XML names a file; so does a text that is the path of one. */
export async function importSource(args: readonly string[], signal: AbortSignal): Promise<string> {
  const [first] = args
  if (first === undefined) {
    if (!isPiped())
      throw usageError('no command was given', "paste it: bringup import 'qemu-system-x86_64 -cdrom os.iso'")
    return readText(process.stdin, 'standard input', signal)
  }
  const there = args.length === 1 ? statOf(first) : undefined
  if (there?.isDirectory())
    throw usageError(
      `${first} is a folder`,
      'name a script, makefile or XML file; `bringup init` reads a folder',
    )
  if (there) return readText(createReadStream(first), first, signal)
  if (args.length === 1 && /^[^\s<-]\S*$/.test(first) && !qemuNamed(first))
    throw usageError(`the file ${first} does not exist`, 'name a script, makefile or XML file')
  return args.join(' ')
}

/** Pipes have no size, and devices no end: reading stops behind the largest text. */
async function readText(stream: Readable, name: string, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of addAbortSignal(signal, stream) as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > MOST_BYTES)
        throw new BringupError([problems.IMPORT_NOT_TEXT.at('', `${name} is larger than 1 MiB`)])
    }
  } catch (error) {
    if (error instanceof BringupError || signal.aborted) throw error
    throw usageError(
      `${name} cannot be read: ${(error as Error).message}`,
      'name a file that this user can read',
    )
  }
  return Buffer.concat(chunks).toString('utf8')
}
