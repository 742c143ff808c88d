import { expect, test } from 'vitest'
import { checkArgJson } from './qemu-arg-json.ts'

const old = { version: [5, 2, 0], features: [] } as const

test.each([
  ['-device', '{"driver":"usb-ehci"}', 'device-json'],
  ['-object', '{"qom-type":"rng-builtin","id":"r"}', 'object-json'],
  ['-netdev', '{"type":"user","id":"n"}', 'net-stream'],
])('%s %s is refused where QEMU takes no JSON', (name, json, feature) => {
  expect(checkArgJson(['-msg', 'timestamp=on', name, json], old)).toMatchObject([
    { code: 'QEMU_ARG_JSON_UNKNOWN', path: 'qemuArgs[3]' },
  ])
  expect(checkArgJson([name, json], { ...old, features: [feature] })).toEqual([])
  expect(checkArgJson([name, json], undefined)).toEqual([])
})

test('the options that always took JSON, and all others without it, are taken', () => {
  const disk = ['-blockdev', '{"driver":"null-co","node-name":"x"}']
  expect(checkArgJson([...disk, '-device', 'usb-ehci', '-object', 'rng-builtin,id=r'], old)).toEqual([])
})
