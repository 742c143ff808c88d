import { describe, expect, it } from 'vitest'
import { settleDefaults } from '../defaults.ts'
import { parseMachine } from '../machine.ts'
import { displayCards } from './display.ts'

type Card = NonNullable<Parameters<typeof parseMachine>[1]['display']>

const machine = (display: Card, ...qemuArgs: readonly string[]) =>
  parseMachine('m', { display, qemuArgs: [...qemuArgs] })

describe('a card among the user’s own arguments', () => {
  it.each([
    ['std', ['-vga', 'cirrus'], 'cirrus', []],
    ['std', ['-device', 'VGA'], 'std', []],
    ['std', ['-device', 'VGA,vgamem_mb=64'], 'none', ['-device', 'VGA,vgamem_mb=64']],
    ['none', ['-device', 'bochs-display'], 'bochs', []],
    ['std', ['-device', 'secondary-vga'], 'std', ['-device', 'secondary-vga']],
    ['bochs', ['-device', 'VGA'], 'bochs', ['-device', 'VGA']],
    [
      'std',
      ['-device', 'virtio-vga', '-device', 'ramfb'],
      'none',
      ['-device', 'virtio-vga', '-device', 'ramfb'],
    ],
  ] as const)('%s with %s is %s', (display, words, left, args) => {
    expect(machine(display, ...words)).toMatchObject({ display: left, qemuArgs: args })
  })

  it('replaces the card that a profile takes for granted', () => {
    const defaults = { display: 'std' } as const
    expect(settleDefaults(defaults, { qemuArgs: ['-device', 'virtio-gpu-pci'] })).toEqual({})
    expect(settleDefaults(defaults, { qemuArgs: ['-device', 'e1000'] })).toEqual(defaults)
  })
})

it('all cards are named, and the last one for VGA has the text', () => {
  expect(displayCards(machine('std', '-device', 'virtio-gpu-pci,id=gpu,max_outputs=2'))).toEqual([
    { id: 'display', outputs: 1, hasText: true },
    { id: 'gpu', outputs: 2, hasText: false },
  ])
  expect(displayCards(machine('none', '-device', '{"driver":"VGA","id":"json"}', '-device', 'VGA'))).toEqual([
    { outputs: 1, hasText: false },
    { id: 'json', outputs: 1, hasText: true },
  ])
  expect(displayCards(machine('none'))).toEqual([])
})
