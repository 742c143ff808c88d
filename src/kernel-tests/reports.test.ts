import { expect, it } from 'vitest'
import { junit, tap } from './reports.ts'
import type { StepResult } from './run-steps.ts'

const steps: readonly StepResult[] = [
  { name: 'expect "login:" #1', result: 'passed', points: 2, of: 2, tookMs: 1500, where: 'screen' },
  {
    name: 'type <root> & "x"',
    result: 'failed',
    points: 0,
    of: 1,
    tookMs: 20,
    because: 'the console never showed \x1b[31mx',
    evidence: ['a < b'],
  },
  { name: 'later', result: 'skipped', points: 0, of: 1, tookMs: 0 },
]

it('is TAP', () => {
  expect(tap(steps)).toBe(`TAP version 14
1..3
ok 1 - expect "login:" \\#1
not ok 2 - type <root> & "x"
  ---
  message: |
    the console never showed \\x1b[31mx
    a < b
  ...
ok 3 - later # SKIP an earlier step failed
`)
})

it('has no failure for a step that only presses keys', () => {
  const text = junit('k', [{ name: 'keys', result: 'done', points: 0, of: 0, tookMs: 1 }])
  expect(text).toContain('name="keys" time="0.001"/>')
  expect(text).not.toContain('<failure')
})

it('is XML as JUnit writes it', () => {
  const text = junit('my kernel', steps)
  expect(text).toContain('<testsuite name="my kernel" tests="3" failures="1" skipped="1" time="1.520">')
  expect(text).toContain('<testcase classname="my kernel" name="expect &quot;login:&quot; #1" time="1.500"/>')
  expect(text).toContain('name="type &lt;root&gt; &amp; &quot;x&quot;" time="0.020"><failure message="')
  expect(text).toContain('a &lt; b</failure>')
  expect(text).toContain('name="later" time="0.000"><skipped/></testcase>')
  expect(text).not.toContain('\x1b')
})
