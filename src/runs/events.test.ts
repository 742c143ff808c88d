import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { visible } from '../guest-text.ts'
import { eventLine, type RunEvent, RunEvents } from './events.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bringup-events-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const recorded = (path: string) =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as RunEvent)

describe('events', () => {
  test('go to those who listen and to the record', () => {
    const path = join(folder, 'events.jsonl')
    const events = new RunEvents(path)
    const seen: RunEvent[] = []
    const stop = events.on((event) => seen.push(event))
    events.emit({ type: 'guest starting', guest: 'a' })
    stop()
    events.emit({ type: 'guest started', guest: 'a', pid: 1 })
    events.close()
    events.emit({ type: 'guest starting', guest: 'late' })
    expect(seen.map(({ type }) => type)).toEqual(['guest starting'])
    expect(recorded(path).map(({ type }) => type)).toEqual(['guest starting', 'guest started'])
  })

  test('of a guest that never stops printing are recorded up to a limit; listeners get all of them', () => {
    const path = join(folder, 'events.jsonl')
    const events = new RunEvents(path)
    let count = 0
    events.on(() => count++)
    for (let i = 0; i < 10_050; i++)
      events.emit({ type: 'console line', guest: 'a', line: 'x'.repeat(i === 0 ? 9000 : 1) })
    events.emit({ type: 'console line', guest: 'b', line: 'y' })
    events.close()
    const lines = recorded(path)
    expect(count).toBe(10_051)
    expect(lines).toHaveLength(10_001)
    expect(JSON.stringify(lines[0])).toContain('more characters')
  })

  test('are a line of text without control characters', () => {
    const line = eventLine({ at: 1, type: 'console line', guest: 'a', line: '\u001b[6n\u009b6n\n' })
    expect(visible(line.trimEnd())).toBe(line.trimEnd())
  })
})
