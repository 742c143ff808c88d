import { expect, expectTypeOf, it } from 'vitest'
import type { MachineInput } from '../machine/machine.ts'
import { devices } from '../machine/registry.ts'
import { configSchema } from './config-schema.ts'
import { configJsonSchema } from './json-schema.ts'

it('describes machines as they are written, every device kind included', () => {
  const schema = configJsonSchema() as {
    $schema: string
    required?: readonly string[]
    properties: Record<string, unknown>
  }
  expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema')
  expect(schema.required ?? []).toEqual([])
  const text = JSON.stringify(schema.properties.machines)
  for (const { kind } of devices) expect(text).toContain(`"const":"${kind}"`)
})

it('keeps machines as they are written, and says where they are wrong', () => {
  const machines = { big: { memory: '1G' } }
  expect(configSchema.parse({ machines }).machines).toEqual(machines)
  const wrong = configSchema.safeParse({ machines: { big: { memory: 'x', cpuu: 1 } } })
  expect(wrong.error?.issues.map((i) => i.path.join('.'))).toContain('machines.big')
})

it('knows the types of a description', () => {
  expectTypeOf<{ memory: '1G'; numa: 2 }>().toExtend<MachineInput>()
  expectTypeOf<{ memory: true }>().not.toExtend<MachineInput>()
  expectTypeOf<{ devices: [{ kind: 'abacus' }] }>().not.toExtend<MachineInput>()
})
