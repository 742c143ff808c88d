import { expect, test } from 'vitest'
import { kernelRemarks } from './cloud-kernel.ts'

test('a device without a driver in the image’s kernel is named, with the kernel that has it', () => {
  const machine = {
    devices: [
      { kind: 'disk', bus: 'ide' },
      { kind: 'nic', model: 'e1000' },
    ],
  } as const
  expect(kernelRemarks({}, { machine })).toEqual({
    notes: [
      "linux-image-cloud-amd64 has no driver ahci, e1000; debianProfile({ kernelPackage: 'linux-image-amd64' }) has all drivers",
    ],
  })
  expect(kernelRemarks({ kernelPackage: 'linux-image-amd64' }, { machine })).toEqual({})
  expect(kernelRemarks({}, { machine: { devices: [{ kind: 'nic' }] } })).toEqual({})
})
