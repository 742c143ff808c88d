/** Unpacks what distributions compress: kernels and kernel modules. */
import { gunzipSync } from 'node:zlib'

const FORMATS = [
  { magic: '1f8b', program: undefined },
  { magic: 'fd377a585a00', program: ['xz', '-dc'] },
  { magic: '28b52ffd', program: ['zstd', '-dcq'] },
  { magic: '02214c18', program: ['lz4', '-dcq'] },
] as const

const formatOf = (data: Buffer) =>
  FORMATS.find(({ magic }) => data.toString('hex', 0, magic.length / 2) === magic)

export const isCompressed = (data: Buffer) => formatOf(data) !== undefined

/** True for gzip, which ends with the unpacked size by itself. */
export const isGzip = (data: Buffer) => formatOf(data)?.magic === '1f8b'

/**
 * The data unpacked, or as it is when it is in no known compressed form. Undefined when the program that this form
 * takes (xz, zstd, lz4) is missing, or when the data is damaged.
 */
export async function unpack(data: Buffer, signal?: AbortSignal): Promise<Buffer | undefined> {
  const format = formatOf(data)
  if (!format) return data
  if (!format.program) return gunzip(data)
  const { execa } = await import('execa')
  const [program, ...args] = format.program
  const result = await execa(program, args, {
    input: data,
    encoding: 'buffer',
    reject: false,
    stripFinalNewline: false,
    maxBuffer: 512 * 1024 * 1024,
    ...(signal ? { cancelSignal: signal } : {}),
  })
  signal?.throwIfAborted()
  return result.failed ? undefined : Buffer.from(result.stdout)
}

function gunzip(data: Buffer): Buffer | undefined {
  try {
    return gunzipSync(data)
  } catch {
    return undefined
  }
}
