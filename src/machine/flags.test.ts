import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { mergeMachine, parseDeviceFlag } from './flags.ts'
import { parseMachine } from './machine.ts'
import { devices } from './registry.ts'

const device = {
  kind: 'nvdimm',
  schema: z.strictObject({
    kind: z.literal('nvdimm'),
    size: z.string(),
    file: z.string().optional(),
    node: z.int().optional(),
    readonly: z.boolean().default(false),
    label: z.string().optional(),
  }),
  flag: { name: 'nvdimm', first: 'size', example: '', help: '' },
}
const read = (text: string) => parseDeviceFlag(device, text).device
const codes = (text: string) => parseDeviceFlag(device, text).diagnostics.map((d) => d.code)

describe('parseDeviceFlag', () => {
  it.each([
    ['256M', { size: '256M' }],
    ['256M,node=1,label=128K', { size: '256M', node: 1, label: '128K' }],
    ['size=256M,readonly', { size: '256M', readonly: true }],
    ['readonly,size=1M', { size: '1M', readonly: true }],
    ['1M,readonly=off', { size: '1M', readonly: false }],
    ['1M,file=/a,,b=c', { size: '1M', file: '/a,b=c' }],
    ['1M,file="/a,b, c",node=1', { size: '1M', file: '/a,b, c', node: 1 }],
    ['1M,file="12"', { size: '1M', file: '12' }],
    ['1M,file=/say "hi"', { size: '1M', file: '/say "hi"' }],
  ])('%s', (text, want) => {
    expect(read(text)).toEqual({ kind: 'nvdimm', ...want })
  })

  it('names the known keys, and the one that was meant', () => {
    const [found] = parseDeviceFlag(device, '1M,nod=1').diagnostics
    expect(found).toMatchObject({ code: 'FLAG_UNKNOWN_KEY', path: '--nvdimm' })
    expect(found?.remedy).toContain('did you mean "node"? The keys are: size, file, node, readonly, label')
  })

  it('reports every mistake at once', () => {
    expect(codes('1M,a=1,b=2,size=2M')).toEqual(['FLAG_UNKNOWN_KEY', 'FLAG_UNKNOWN_KEY', 'FLAG_KEY_TWICE'])
    expect(codes('1M,file="/a')).toEqual(['FLAG_MALFORMED'])
  })

  it('gives back any path, its commas doubled', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }).filter((s) => !s.startsWith('"')),
        (path) => {
          const file = `/${path}`
          expect(read(`1M,file=${file.replaceAll(',', ',,')},node=2`)).toEqual({
            kind: 'nvdimm',
            size: '1M',
            file,
            node: 2,
          })
        },
      ),
    )
  })

  it('reads the example of every device, and the description takes it', () => {
    for (const known of devices) {
      if (!('flag' in known) || known.flag === undefined) continue
      const { device: described, diagnostics } = parseDeviceFlag(known, known.flag.example)
      expect(diagnostics, known.kind).toEqual([])
      if (described) expect(() => parseMachine('tiny', { devices: [described] }), known.kind).not.toThrow()
    }
  })
})

describe('mergeMachine', () => {
  it('merges sections key by key, whichever way they are written', () => {
    expect(
      mergeMachine({ memory: '1G', cpu: { model: 'EPYC', count: 2 } }, { memory: { share: true }, cpu: 4 }),
    ).toEqual({
      memory: { size: '1G', share: true },
      cpu: { model: 'EPYC', count: 4 },
    })
    expect(mergeMachine({ debugExit: true }, { debugExit: false })).toEqual({ debugExit: false })
    expect(mergeMachine({ numa: { nodes: 2, distances: 20 } }, { numa: 3 })).toEqual({
      numa: { nodes: 3, distances: 20 },
    })
  })

  it('merges devices by id, adds the others, replaces another kind', () => {
    const base = {
      devices: [
        { kind: 'nvdimm', id: 'pm0', size: '1M', node: 1 },
        { kind: 'serial', id: 'log' },
      ],
    } as const
    const patch = {
      devices: [{ kind: 'nvdimm', id: 'pm0', size: '2M' }, { kind: 'watchdog', id: 'log' }, { kind: 'nic' }],
    } as const
    expect(mergeMachine(base, patch).devices).toEqual([
      { kind: 'nvdimm', id: 'pm0', size: '2M', node: 1 },
      { kind: 'watchdog', id: 'log' },
      { kind: 'nic' },
    ])
  })

  it('adds arguments for QEMU, and keeps what the patch leaves open', () => {
    expect(mergeMachine({ qemuArgs: ['-a'], timeout: 5 }, { qemuArgs: ['-b'], timeout: undefined })).toEqual({
      qemuArgs: ['-a', '-b'],
      timeout: 5,
    })
  })

  it('has nothing as its neutral element, and is associative in its sections', () => {
    const input = fc.record(
      {
        summary: fc.string(),
        cpu: fc.oneof(fc.nat(9), fc.record({ count: fc.nat(9), threads: fc.nat(4) }, { requiredKeys: [] })),
        memory: fc.oneof(fc.constant('1G'), fc.record({ share: fc.boolean() })),
        qemuArgs: fc.array(fc.string()),
      },
      { requiredKeys: [] },
    )
    const plain = (machine: object) => JSON.parse(JSON.stringify(machine)) as unknown
    const shorthand = (machine: Parameters<typeof mergeMachine>[0]) =>
      mergeMachine({ cpu: {}, memory: {}, qemuArgs: [] }, machine)
    fc.assert(
      fc.property(input, input, input, (a, b, c) => {
        expect(mergeMachine(a, {})).toEqual(a)
        expect(mergeMachine({}, a)).toEqual(a)
        expect(plain(shorthand(mergeMachine(mergeMachine(a, b), c)))).toEqual(
          plain(shorthand(mergeMachine(a, mergeMachine(b, c)))),
        )
      }),
    )
  })
})
