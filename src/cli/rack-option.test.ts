import { describe, expect, test } from 'vitest'
import { rackOf } from './rack-option.ts'

describe('--rack', () => {
  test('is the rack that is named, if any', () => {
    expect(rackOf({}, undefined)).toBeUndefined()
    expect(rackOf({ rack: 'pair', kernelReports: true, json: true }, [])).toBe('pair')
  })

  test.each([
    [{ memory: '1G' }, '--memory describes one machine'],
    [{ kernelReports: false }, '--no-kernel-reports describes one machine'],
    [{ nvdimm: ['16M'] }, '--nvdimm describes one machine'],
  ])('is refused beside %j', (options, words) => {
    expect(() => rackOf({ rack: 'pair', ...options }, undefined)).toThrow(words)
  })

  test('is refused with a command, which is for one guest', () => {
    expect(() => rackOf({ rack: 'pair' }, ['ls'])).toThrow('a command is for one guest')
  })
})
