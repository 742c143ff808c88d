/** Reads fw_cfg of a real QEMU, as firmware does, through its qtest channel: the machine is made, and no guest runs. */
import { spawn } from 'node:child_process'

/** What QEMU tells firmware to do with its ACPI tables. */
interface LoaderList {
  /** Size of the file when the machine has been made, and when firmware reads it with MMCONFIG switched on. */
  readonly bytesAtStart: number
  readonly bytesLater: number
  readonly entriesLater: number
}

const DIRECTORY = 0x19
const ENTRY = 128
/** DMA: read, and select the item. Guest memory that is used for it. */
const SELECT_AND_READ = 0x0a
const ORDER_AT = 0x1000
const DATA_AT = 0x10000

/** `etc/table-loader` of a machine; undefined when it has none. */
export async function readLoaderList(
  argv: readonly string[],
  { isPc = false }: { readonly isPc?: boolean } = {},
): Promise<LoaderList | undefined> {
  const words = [
    '-accel',
    'tcg',
    '-S',
    '-display',
    'none',
    '-nodefaults',
    '-qtest',
    'stdio',
    '-qtest-log',
    'none',
  ]
  const child = spawn('qemu-system-x86_64', [...words, ...argv], { stdio: ['pipe', 'pipe', 'pipe'] })
  const waiting: ((line: string) => void)[] = []
  let rest = ''
  let stderr = ''
  child.stdin.on('error', () => {})
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (!line.startsWith('IRQ')) waiting.shift()?.(line)
  })
  const gone = new Promise<never>((_, reject) =>
    child.once('close', (status) => reject(new Error(`QEMU ended with ${status}: ${stderr}`))),
  )
  gone.catch(() => {})
  const tell = (command: string): Promise<string> => {
    const answer = new Promise<string>((resolve) => waiting.push(resolve))
    child.stdin.write(`${command}\n`)
    return Promise.race([answer, gone])
  }
  const read = async (key: number, bytes: number): Promise<Buffer> => {
    const order = Buffer.alloc(16)
    order.writeUInt32BE(((key << 16) | SELECT_AND_READ) >>> 0, 0)
    order.writeUInt32BE(bytes, 4)
    order.writeBigUInt64BE(BigInt(DATA_AT), 8)
    await tell(`write ${ORDER_AT} 16 0x${order.toString('hex')}`)
    await tell('outl 0x514 0')
    await tell('outl 0x518 0x00100000')
    return Buffer.from((await tell(`read ${DATA_AT} ${bytes}`)).replace(/^OK 0x/, ''), 'hex')
  }
  const find = async () => {
    const count = (await read(DIRECTORY, 4)).readUInt32BE(0)
    const directory = await read(DIRECTORY, 4 + 64 * count)
    const at = directory.indexOf('etc/table-loader\0') - 8
    return at < 0 ? undefined : { bytes: directory.readUInt32BE(at), key: directory.readUInt16BE(at + 4) }
  }
  try {
    const first = await find()
    if (!first) return undefined
    // PCIEXBAR of the q35's host bridge: what firmware does first.
    if (!isPc) for (const [port, value] of MMCONFIG) await tell(`outl ${port} ${value}`)
    await tell(`outw 0x510 ${first.key}`)
    const later = (await find()) ?? first
    const list = await read(later.key, later.bytes)
    const commands = Array.from({ length: list.length / ENTRY }, (_, i) => list.readUInt32LE(i * ENTRY))
    return {
      bytesAtStart: first.bytes,
      bytesLater: later.bytes,
      entriesLater: commands.filter((command) => command !== 0).length,
    }
  } finally {
    child.kill('SIGKILL')
  }
}

const MMCONFIG = [
  ['0xcf8', '0x80000064'],
  ['0xcfc', '0'],
  ['0xcf8', '0x80000060'],
  ['0xcfc', '0xb0000001'],
] as const
