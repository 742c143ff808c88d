import { expect, test } from 'vitest'
import { releaseProblem } from './releases.ts'

const code = (id: string, version: string) =>
  releaseProblem({ id, version, name: id, family: 'debian' })?.what

test('older and newer releases are warned about, known and rolling ones are not', () => {
  expect(code('debian', '12')).toBeUndefined()
  expect(code('debian', '9')).toContain('older')
  expect(code('debian', '99')).toContain('newer')
  expect(code('alpine', '3.20.3')).toBeUndefined()
  expect(code('arch', '')).toBeUndefined()
  expect(code('linuxmint', '22')).toBeUndefined()
  expect(releaseProblem({ id: 'x', version: '1', name: 'X' })?.code).toBe('DISTRIBUTION_UNKNOWN')
})
