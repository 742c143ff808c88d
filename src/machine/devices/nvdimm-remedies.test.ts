/** Remedies about a store that is there are followed to the letter, until nothing is left to follow: none leads in a circle. */
import { expect, test } from 'vitest'
import { KiB, MiB } from '../../units.ts'
import type { Facts, FileFact } from '../facts.ts'
import { checkMachine, type MachineInput, parseMachine } from '../machine.ts'

type Nvdimm = Extract<NonNullable<MachineInput['devices']>[number], { kind: 'nvdimm' }>

const storeOf = (bytes: number, more: Partial<FileFact> = {}): FileFact => ({
  path: '/store.img',
  kind: 'file',
  bytes,
  isReadable: true,
  isWritable: true,
  freeBytes: 2 ** 40,
  hasParent: true,
  ...more,
})

const labelled = (bytes: number, label = 128 * KiB) =>
  storeOf(bytes, { tail: { kind: 'labels', bytes: label } })

function findings(device: Nvdimm, fact: FileFact) {
  const facts: Facts = {
    files: new Map([[fact.path, fact]]),
    hostNodes: [0],
    hugePages: [],
    hostBytes: 2 ** 40,
    accelerators: [],
  }
  const machine = parseMachine('m', { boot: { kernel: '/k' }, devices: [device] })
  return checkMachine(machine, facts, 'm').filter((d) => d.severity !== 'note')
}

/** Does what the first alternative of a remedy says. */
function follow(remedy: string, device: Nvdimm, fact: FileFact): readonly [Nvdimm, FileFact] {
  const first = remedy.split('; or ')[0] ?? ''
  const grown = /`bringup nvdimm resize \S+ (\w+)`/.exec(first)?.[1]
  const { label = 0 } = parseMachine('m', { devices: [device] }).devices[0] as { label?: number }
  const larger = grown === undefined ? fact : { ...fact, bytes: sizeOf(grown) + label }
  const edits = [...first.matchAll(/(size|label|align) to "(\w+)"/g)].map(([, key = '', value]) => [
    key,
    value,
  ])
  const gone = [...first.matchAll(/omit `(\w+)`/g)].map(([, key]) => key)
  expect(edits.length + gone.length, `a remedy that says what to do: ${remedy}`).toBeGreaterThan(0)
  const edited = { ...device, ...Object.fromEntries(edits) } as Nvdimm
  return [Object.fromEntries(Object.entries(edited).filter(([key]) => !gone.includes(key))) as Nvdimm, larger]
}

const sizeOf = (text: string) =>
  (parseMachine('m', { devices: [{ kind: 'nvdimm', size: text }] }).devices[0] as { size: number }).size

test.each<[string, Partial<Nvdimm>, FileFact]>([
  ['an aligned size of the whole file', { size: '512M', label: '128K', align: '2M' }, labelled(512 * MiB)],
  [
    'an odd size with labels in the file',
    { size: '524160K', label: '128K', align: '2M' },
    labelled(512 * MiB),
  ],
  ['too small a size, aligned', { size: '256M', label: '128K', align: '2M' }, labelled(512 * MiB)],
  ['an odd size, not aligned', { size: '524160K', label: '128K' }, labelled(512 * MiB)],
  ['too small a size', { size: '496M', label: '128K' }, labelled(512 * MiB)],
  ['too large a size', { size: '1G' }, storeOf(512 * MiB)],
  ['labels that are not described', { size: '512M' }, labelled(512 * MiB)],
  ['another label area', { size: '511M', label: '1M' }, labelled(512 * MiB)],
  ['labels over data', { size: '524160K', label: '128K' }, storeOf(512 * MiB, { tail: { kind: 'data' } })],
  ['alignment of 1G', { size: '1G', label: '128K', align: '1G' }, labelled(1024 * MiB + 128 * MiB)],
  [
    'a DAX device',
    { size: '512M', label: '128K' },
    storeOf(0, { kind: 'character-device', daxDevice: { name: 'dax0.0', bytes: 512 * MiB, align: 2 * MiB } }),
  ],
])('%s: the remedies end', (_what, description, store) => {
  let device: Nvdimm = { kind: 'nvdimm', id: 'pm0', size: '1M', file: store.path, ...description }
  let fact = store
  const met = new Set<string>()
  for (let step = 0; step < 5; step++) {
    const [finding] = findings(device, fact)
    if (!finding) return
    const state = JSON.stringify([device, fact.bytes])
    expect(met.has(state), `a circle at ${state}: ${finding.code}`).toBe(false)
    met.add(state)
    ;[device, fact] = follow(finding.remedy, device, fact)
    expect(findings(device, fact).map((d) => d.code)).not.toContain(finding.code)
  }
  expect(findings(device, fact)).toEqual([])
})

test('a store that is aligned is mapped whole, so that its labels are found', () => {
  expect(
    findings(
      { kind: 'nvdimm', size: '510M', label: '128K', align: '2M', file: '/store.img' },
      labelled(512 * MiB),
    ).map((d) => d.code),
  ).toEqual(['NVDIMM_SIZE_UNALIGNED'])
})
