import { expect, it } from 'vitest'
import type { Facts } from '../facts.ts'
import { checkMachine, compileMachine, type MachineInput, parseMachine } from '../machine.ts'

const facts: Facts = { files: new Map(), hostNodes: [0], hugePages: [], hostBytes: 2 ** 40, accelerators: [] }

/** Whether it is left out, by QEMU's arguments and by what is said: never the one without the other. */
function goesWithout(machine: object): boolean {
  const config = parseMachine('tiny', machine as MachineInput)
  const [, options] = compileMachine(config, facts, 'tiny').args.find(([flag]) => flag === '-machine') ?? []
  const isSaid = checkMachine(config, facts, 'tiny').some((d) => d.code === 'ACPI_WITHOUT_HPET')
  const isDone = options?.includes(',hpet=off') === true
  expect(isSaid).toBe(isDone)
  return isDone
}

it('is left out only where all of its neighbours are there', () => {
  const hmat = [{ initiator: 0, target: 0, latency: 1, bandwidth: '1G' }]
  const [nvdimm, cxl] = [
    { kind: 'nvdimm', size: '16M' },
    { kind: 'cxl', size: '256M' },
  ]
  const machine = (numa: object, ...devices: readonly object[]) => ({ memory: '64M', numa, devices })
  expect(goesWithout(machine({ nodes: 2, distances: 20, hmat }, nvdimm, cxl))).toBe(true)
  // An initiator alone makes an HMAT too.
  const nodes = [{ memory: '32M' }, { cpus: 0, memory: '32M', initiator: 0 }]
  expect(goesWithout({ ...machine({ nodes, distances: 20 }, nvdimm, cxl), memory: {} })).toBe(true)
  expect(goesWithout(machine({ nodes: 2, hmat }, nvdimm, cxl))).toBe(false)
  expect(goesWithout(machine({ nodes: 2, distances: 20 }, nvdimm, cxl))).toBe(false)
  expect(goesWithout(machine({ nodes: 2, distances: 20, hmat }, cxl))).toBe(false)
  expect(goesWithout(machine({ nodes: 2, distances: 20, hmat }, nvdimm))).toBe(false)
})
