import { expect, test } from 'vitest'
import { parseReport } from './report.ts'

const json = (t: string, values: object = {}) => JSON.stringify({ t, ...values })
const CPU = json('cpu', {
  apicId: 0,
  node: null,
  socket: 0,
  core: 0,
  thread: 0,
  online: true,
  hotplug: false,
})
const NODE = json('node', { node: 0, cpus: 1, bytes: 1024 })
const PROBE = json('probe', { version: 1, boot: 'pvh', cmdline: 'exit=16' })
const COUNTS = json('report', { cpu: 1, node: 1 })
const REPORT = [PROBE, CPU, NODE, COUNTS].join('\n')

test('a whole report has nothing missing', () => {
  const view = parseReport(`SeaBIOS\n${REPORT}\n${json('end', { exit: 16 })}\n`)
  expect(view).toMatchObject({
    by: 'probe kernel',
    firmware: 'bios',
    commandLine: 'exit=16',
    cpus: [{ apicId: 0, online: true }],
    nodes: [{ node: 0, bytes: 1024 }],
  })
  expect(view?.missing).toBeUndefined()
})

test('the last report counts', () => {
  const second = REPORT.replace('"bytes":1024', '"bytes":2048')
  expect(parseReport(`${REPORT}\n${second}`)?.nodes).toEqual([{ node: 0, cpus: 1, bytes: 2048 }])
})

test('messages by network come after the report and belong to the card that received them', () => {
  const nic = json('nic', { address: '00:02.0', mac: '52:54:00:00:00:01', link: true })
  const frame = (own: string, peer: string, counter = 3) =>
    json('frame', { what: 'heard', own: `52:54:00:00:00:0${own}`, peer: `52:54:00:00:00:0${peer}`, counter })
  const lines = [frame('1', '2'), json('frames', { sent: 2 }), frame('9', '1'), frame('1', '3', 1)]
  const text = [PROBE, nic, json('report', { nic: 1 }), ...lines, json('end', { exit: 16 })]
  expect(parseReport(text.join('\n'))).toMatchObject({
    nics: [
      {
        name: '00:02.0',
        peers: [
          { mac: '52:54:00:00:00:02', what: 'heard', counter: 3 },
          { mac: '52:54:00:00:00:03', what: 'heard', counter: 1 },
        ],
      },
    ],
  })
  expect(parseReport([...text, json('frame', { what: 'sung' })].join('\n'))?.missing).toEqual([
    expect.stringContaining('unreadable line: {"t":"frame"'),
  ])
  expect(parseReport([PROBE, ...lines].join('\n'))).toBeUndefined()
})

test.each([
  ['nothing', ''],
  ['a greeting', 'hello\n'],
  [
    'a kernel that was told not to report',
    `${PROBE}\n${json('selftest', { timer: true })}\n${json('end', { exit: 16 })}\n`,
  ],
])('there is no report in %s', (_name, text) => {
  expect(parseReport(text)).toBeUndefined()
})

test.each<[string, string, readonly string[]]>([
  ['a line that did not arrive', REPORT.replace(`${CPU}\n`, ''), ['1 of 1 "cpu" lines']],
  ['the end', REPORT.replace(COUNTS, ''), ['the end of the report (its "report" line)']],
  [
    'a line that is cut off',
    REPORT.replace(CPU, CPU.slice(0, 20)),
    ['1 of 1 "cpu" lines', `unreadable line: ${CPU.slice(0, 20)}`],
  ],
  [
    'a value of another type',
    REPORT.replace('"bytes":1024', '"bytes":"much"'),
    ['1 of 1 "node" lines', expect.stringContaining('unreadable line')],
  ],
])('what is missing has a name: %s', (_name, text, missing) => {
  expect(parseReport(text)?.missing).toEqual(missing)
})

test.each([
  ['names of the language', '{"t":"__proto__"}\n{"t":"constructor","x":1}\n{"t":"toString"}'],
  [
    'a distance between nodes that cannot be',
    json('distance', { from: '__proto__', to: 4294967294, value: 1 }),
  ],
  ['huge numbers', json('distance', { from: 4294967294, to: 4294967294, value: 10 })],
  ['no objects', '{"t":null}\n{"t":["cpu"]}\n{"t":{"t":1}}\n{"t":'],
  ['a counter of nonsense', json('report', { cpu: -1, node: 'many', x: 1e308 })],
  ['a line of 2 MiB', `{"t":"cpu","x":"${'a'.repeat(2 ** 21)}"}`],
  ['50,000 lines', `${NODE}\n`.repeat(50_000)],
  ['terminal sequences', '{"t":"cpu"\x1b[6n\x9b6n'],
])('a guest may print %s', (_name, lines) => {
  const view = parseReport(`${PROBE}\n${CPU}\n${lines}\n`)
  expect(view?.missing?.length).toBeGreaterThan(0)
  expect(view?.missing?.join('')).not.toMatch(/[^ -~]/)
})
