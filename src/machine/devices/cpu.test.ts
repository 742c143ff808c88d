import { describe, expect, it } from 'vitest'
import { one, type World } from '../../../test/support/device-context.ts'
import type { QemuCapabilities } from '../facts.ts'
import { cpu } from './cpu.ts'

const qemuWith = (more: Partial<QemuCapabilities>): World['facts'] => ({
  qemu: {
    path: 'qemu',
    machines: [],
    cpuModels: ['max', 'qemu64'],
    cpuProperties: ['sse4.1', 'sse4_1', 'hv-relaxed', 'x2apic', 'avx2'],
    ...more,
  } as unknown as QemuCapabilities,
})
const section = {
  ...cpu,
  schema: { parse: ({ kind: _, ...rest }: Record<string, unknown>) => cpu.schema.parse(rest) },
} as never
const check = (description: object, world: World) => one(section, description as never, world).check()

describe('more than 255 CPUs on TCG', () => {
  const cpus = { count: 1, max: 256, sockets: 256, dies: 1, cores: 1, threads: 1 }
  const codes = (hasTcgX2apic: boolean, features: readonly string[] = []) =>
    check({ features }, { machine: { cpus }, facts: qemuWith({ hasTcgX2apic }) }).map((d) => d.code)
  it('need a TCG with an x2APIC, as QEMU says itself', () => {
    expect(codes(false)).toEqual(['CPU_NEEDS_X2APIC'])
    expect(codes(true)).toEqual([])
    expect(codes(true, ['-x2apic'])).toEqual(['CPU_NEEDS_X2APIC'])
    expect(codes(true, ['x2apic=off'])).toEqual(['CPU_NEEDS_X2APIC'])
  })

  it('need a CPU model with that feature', () => {
    const ofModel = (hasX2apic: boolean, features: readonly string[] = []) => {
      const facts = {
        ...qemuWith({ hasTcgX2apic: true }),
        cpu: { name: 'qemu64', hasLongMode: true, hasX2apic },
      }
      const description = { model: 'qemu64', features }
      return check(description, { machine: { cpus }, facts }).map((d) => d.code)
    }
    expect(ofModel(true)).toEqual([])
    expect(ofModel(false)).toEqual(['CPU_NEEDS_X2APIC'])
    expect(ofModel(false, ['+x2apic'])).toEqual([])
    expect(ofModel(false, ['x2apic=off', 'x2apic=on'])).toEqual([])
    expect(ofModel(false, ['+x2apic', '-x2apic'])).toEqual(['CPU_NEEDS_X2APIC'])
  })
})

describe('features', () => {
  const found = (...features: readonly string[]) => check({ features }, { facts: qemuWith({}) })
  it('are properties of QEMU’s CPU type', () => {
    expect(found('+sse4.1', '-sse4_1', 'hv_relaxed=on', 'hv-relaxed=on', 'tsc-freq=1G')).toEqual([])
    expect(found('+hv_relaxed')).toMatchObject([{ remedy: 'write "+hv-relaxed", or omit it' }])
    expect(found('+avx2', '+avx3', '-nonsense')).toMatchObject([
      { code: 'CPU_FEATURE_UNKNOWN', remedy: expect.stringContaining('avx2') },
      { code: 'CPU_FEATURE_UNKNOWN', what: 'QEMU at qemu has no CPU feature "nonsense"' },
    ])
  })

  it('are not judged where QEMU did not say which it has', () => {
    expect(check({ features: ['+x'] }, { facts: qemuWith({ cpuProperties: [] }) })).toEqual([])
  })
})
