import { describe, expect, it } from 'vitest'
import { createEscapes } from './terminal.ts'

const keys = (...inputs: string[]) => {
  const escapes = createEscapes()
  const seen = inputs.map((input) => escapes(Buffer.from(input, 'latin1')))
  return {
    forGuest: seen.map((s) => Buffer.from(s.forGuest).toString('latin1')).join(''),
    commands: seen.flatMap((s) => s.commands),
  }
}

describe('createEscapes', () => {
  it('passes ordinary keys on, Ctrl-C included', () => {
    expect(keys('ls\r\x03')).toEqual({ forGuest: 'ls\r\x03', commands: [] })
  })

  it('ends, resets and helps after Ctrl-A, also when the keys come one by one', () => {
    expect(keys('\x01', 'x', 'a\x01r\x01h')).toEqual({ forGuest: 'a', commands: ['end', 'reset', 'help'] })
  })

  it('sends a Ctrl-A for two of them', () => {
    expect(keys('\x01\x01x')).toEqual({ forGuest: '\x01x', commands: [] })
  })
})
