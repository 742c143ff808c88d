import { expect, it } from 'vitest'
import { areHalted } from './halted.ts'

const cpu = (flags: string, halted: 0 | 1) =>
  `CPU#0\r\nEAX=00000000\r\nEIP=00100030 EFL=${flags} [-------] CPL=0 II=0 A20=1 SMM=0 HLT=${halted}\r\nES =0010\r\n`

it('is so when every CPU halts with interrupts off', () => {
  expect(areHalted(cpu('00000002', 1))).toBe(true)
  expect(areHalted(cpu('00000002', 1) + cpu('00000046', 1))).toBe(true)
  expect(areHalted(cpu('00000046', 1).replace('EFL', 'RFL'))).toBe(true)
})

it('is not so when one runs, or can be woken by an interrupt', () => {
  expect(areHalted(cpu('00000002', 1) + cpu('00000002', 0))).toBe(false)
  expect(areHalted(cpu('00000202', 1))).toBe(false)
  expect(areHalted('')).toBe(false)
})
