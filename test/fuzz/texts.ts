/** What kernels and guests print: memory maps, kernel command lines, reports on the console. */
import fc from 'fast-check'
import { visible } from '../../src/guest-text.ts'
import {
  parseFirmwareLog,
  parseInitrdLog,
  parseIomem,
  parseSratLog,
  parseUserLog,
} from '../../src/pmem/parse-map.ts'
import { parseParameters } from '../../src/pmem/parse-parameters.ts'
import { parseReport } from '../../src/project/profiles/probe/report.ts'

const number = fc.oneof(
  fc.nat().map(String),
  fc.bigInt({ min: 0n, max: 1n << 70n }).map((n) => `0x${n.toString(16)}`),
  fc.constantFrom('4G', '0', '-1', '07', '12G', '1E', '0x', '99999999999G', '', 'x'),
)
const range = fc
  .tuple(number, fc.constantFrom('!', '$', '@', '#', '%', '-', '\\!', ''), number)
  .map((parts) => parts.join(''))
const parameter = fc
  .tuple(
    fc.constantFrom('memmap=', 'mem=', 'efi_fake_mem=', 'crashkernel=', 'memmap', '"memmap=', 'numa='),
    fc.array(range, { maxLength: 4 }),
  )
  .map(([name, ranges]) => `${name}${ranges.join(',')}`)
export const arbitraryCommandLine = fc
  .array(fc.oneof(parameter, fc.string({ unit: 'binary' })), { maxLength: 12 })
  .map((words) => words.join(' '))

const mapLine = fc
  .tuple(
    fc.constantFrom(
      'BIOS-e820: [mem ',
      'user: [mem ',
      '  ',
      '',
      'ACPI: SRAT: Node 0 PXM 0 [mem ',
      'RAMDISK: [mem ',
    ),
    number,
    number,
    fc.constantFrom('] usable', '] persistent (type 7)', ' : System RAM', '] type 99', ''),
  )
  .map(([head, from, to, tail]) => `[    0.000000] ${head}${from}-${to}${tail}`)
export const arbitraryMap = fc
  .array(fc.oneof(mapLine, fc.string({ unit: 'binary' })), { maxLength: 30 })
  .map((lines) => lines.join('\n'))

export function tryCommandLine(text: string): void {
  parseParameters(text)
}

export function tryMap(text: string): void {
  for (const parse of [parseFirmwareLog, parseUserLog, parseSratLog, parseInitrdLog, parseIomem]) parse(text)
}

const KINDS = [
  'probe',
  'cpu',
  'node',
  'distance',
  'hmat',
  'nvdimm',
  'virtio-pmem',
  'ivshmem',
  'cxl-window',
  'cxl-target',
  'cxl-memory',
  'pci',
  'serial',
  'end',
  '__proto__',
]
const anything = fc.oneof(
  fc.constantFrom<unknown>('__proto__', null, 4294967294, -1, '\u001b[6n', {}, [], true),
  fc.double(),
  fc.string({ maxLength: 12 }),
)
const reportLine = fc
  .tuple(
    fc.constantFrom(...KINDS),
    fc.dictionary(
      fc.constantFrom(
        'from',
        'to',
        'value',
        'node',
        'cpus',
        'bytes',
        'start',
        'window',
        'uid',
        'apicId',
        'address',
        'armed',
        'exit',
        'cmdline',
        'port',
        'present',
      ),
      anything,
    ),
  )
  .map(([t, rest]) => JSON.stringify({ t, ...rest }))
export const arbitraryReport = fc
  .array(
    fc.oneof({ weight: 4, arbitrary: reportLine }, { weight: 1, arbitrary: fc.string({ unit: 'binary' }) }),
    { maxLength: 40 },
  )
  .map((lines) =>
    ['{"t":"probe","cmdline":""}', ...lines, '{"t":"cpu","apicId":0}', '{"t":"end"}'].join('\n'),
  )

/** What is shown of a guest has no control characters, whatever it printed. */
export function tryReport(text: string): void {
  parseReport(text)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
  if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(visible(text)))
    throw new Error('a raw control character')
}
