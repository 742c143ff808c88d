import { userInfo } from 'node:os'
import { isAbsolute } from 'node:path'
import { expect, test } from 'vitest'
import { homeFolder } from './home-folder.ts'

test('HOME counts when it is an absolute path', () => {
  expect(homeFolder({ HOME: '/somewhere' })).toBe('/somewhere')
})

test.each(['', 'relative', undefined])('HOME=%j is replaced by a folder that is absolute', (home) => {
  const before = process.env.HOME
  process.env.HOME = ''
  try {
    expect(homeFolder({ HOME: home })).toBe(userInfo().homedir)
    expect(isAbsolute(homeFolder({ HOME: home }))).toBe(true)
  } finally {
    process.env.HOME = before
  }
})
