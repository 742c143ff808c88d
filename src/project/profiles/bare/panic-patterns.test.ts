import { describe, expect, it } from 'vitest'
import crashes from './panic-lines.json' with { type: 'json' }
import { PANIC_PATTERNS } from './panic-patterns.ts'
import quiet from './quiet-lines.json' with { type: 'json' }

const patterns = PANIC_PATTERNS.map((source) => new RegExp(source))
const isPanic = (text: string) => text.split('\n').some((line) => patterns.some((p) => p.test(line)))

describe('the panic patterns of kernels of which nothing is known', () => {
  it('see the last words of every kernel on the list', () => {
    expect(new Set(crashes.map(([kernel]) => kernel?.split(/[ ,]/)[0])).size).toBeGreaterThan(50)
    expect(crashes.filter(([, text = '']) => !isPanic(text))).toEqual([])
  })

  it('see them with colours, times, tags and carriage returns', () => {
    for (const before of [
      '\u001b[31m',
      '\u001b[1;31m[    1.234567] ',
      '<0>',
      '[ERROR] ',
      '    ',
      '12.345: ',
      '*** ',
    ])
      for (const text of [
        'PANIC: x',
        'panic: init died',
        'Kernel panic',
        'panicked at src/main.rs:3:5:',
        'Assertion failed: a',
      ])
        expect(isPanic(`${before}${text}`), JSON.stringify(before + text)).toBe(true)
  })

  it('pass over what ordinary logs say of panics and assertions', () => {
    expect(quiet.filter(([, text = '']) => isPanic(text))).toEqual([])
  })

  it('take linear time on lines made to be slow', () => {
    const parts = [
      '[',
      '(',
      '1 ',
      'a::',
      'a:',
      '\u001b[',
      ' ',
      '*',
      'panic ',
      'assertion "',
      'cpu0 ',
      '<>',
      'kernel: ',
      'kernel ',
      'cpu0: ',
      '1: ',
      '1 > ',
      'a::b - ',
      'error ',
      '- ',
    ]
    const count = (text: string) => {
      const { user } = process.cpuUsage()
      isPanic(text)
      return process.cpuUsage().user - user
    }
    for (const part of parts) {
      const short = count(part.repeat(2_000))
      // Quadratic would be 64 times, exponential would not end.
      expect(count(part.repeat(16_000)), JSON.stringify(part)).toBeLessThan(short * 40 + 100_000)
    }
  })
})
