import { expect, it } from 'vitest'
import { missingIn, remedyFor } from './tools.ts'

it.each([
  ['sh: 1: nasm: not found', 'nasm'],
  ['/bin/bash: line 3: limine: command not found', 'limine'],
  ['make[1]: x86_64-elf-gcc: No such file or directory', 'x86_64-elf-gcc'],
  ["meson.build:3:7: ERROR: Program 'nasm' not found or not executable", 'nasm'],
  ['error: no such command: `bootimage`', 'bootimage'],
])('reads which program is missing: %s', (line, name) => {
  expect(missingIn(['make: Entering directory', line])).toEqual([name])
})

it('says what installs it, and what no distribution has', () => {
  expect(missingIn(['cc: error: boot.S: No such file or directory', 'page not found'])).toEqual([])
  expect(remedyFor([])).toBeUndefined()
  expect(remedyFor(['x86_64-elf-gcc'])).toContain('install x86_64-elf-gcc by hand')
  expect(remedyFor(['nasm'])).toContain("once kernel.tools lists 'nasm'")
})
