import { expect, test } from 'vitest'
import { kernelProblems, kernelRemarks } from './cloud-kernel.ts'

test('a device without a driver in the image’s kernel is named, with the kernel that has it', () => {
  const machine = {
    devices: [
      { kind: 'disk', bus: 'ide' },
      { kind: 'nic', model: 'e1000' },
    ],
  } as const
  expect(kernelRemarks({}, { machine })).toEqual({
    notes: [
      "linux-image-cloud-amd64 has no driver ahci, e1000; debianProfile({ kernelPackage: 'linux-image-amd64' }) has them",
    ],
  })
  expect(kernelRemarks({ kernelPackage: 'linux-image-amd64' }, { machine })).toEqual({})
  expect(kernelRemarks({}, { machine: { devices: [{ kind: 'nic' }] } })).toEqual({})
})

test('an RDMA device without a driver in the image’s kernel is refused before the image is made', () => {
  const machine = {
    devices: [
      { kind: 'disk', size: '1G' },
      { kind: 'nic', rdma: 'rxe' },
    ],
  } as const
  expect(kernelProblems({}, { machine })).toMatchObject([
    {
      code: 'LINUX_RDMA_DRIVER_MISSING',
      path: 'devices[1].rdma',
      what: 'linux-image-cloud-amd64 has no rdma_rxe',
      remedy: expect.stringContaining("kernelPackage: 'linux-image-amd64'"),
    },
  ])
  expect(kernelRemarks({}, { machine })).toEqual({})
  expect(kernelProblems({ kernelPackage: 'linux-image-amd64' }, { machine })).toEqual([])
  expect(kernelProblems({}, { machine: { devices: [{ kind: 'nic' }] } })).toEqual([])
})

test('no kernel of Debian has the drivers of siw and of para-virtual RDMA', () => {
  const full = { kernelPackage: 'linux-image-amd64' }
  const siw = { devices: [{ kind: 'nic', rdma: 'siw' }] } as const
  const pvrdma = { devices: [{ kind: 'pvrdma' }] } as const
  for (const options of [{}, full]) {
    expect(kernelProblems(options, { machine: siw })).toMatchObject([
      { path: 'devices[0].rdma', remedy: expect.stringContaining('set rdma to "rxe"') },
    ])
    expect(kernelProblems(options, { machine: pvrdma })).toMatchObject([
      {
        code: 'LINUX_RDMA_DRIVER_MISSING',
        path: 'devices[0]',
        remedy: expect.stringContaining('--profile linux'),
      },
    ])
    expect(kernelRemarks(options, { machine: pvrdma })).toEqual({})
  }
})
