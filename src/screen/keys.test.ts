import { expect, it } from 'vitest'
import { keysOfText, readChord } from './keys.ts'

const typed = (text: string) =>
  keysOfText(text).map((k) => ('codes' in k ? k.codes.join('-') : `?${k.unknown}`))

it('types every character of a US keyboard', () => {
  expect(typed('aZ9')).toEqual(['a', 'shift-z', '9'])
  expect(typed(" -=[]\\;'`,./")).toEqual([
    'spc',
    'minus',
    'equal',
    'bracket_left',
    'bracket_right',
    'backslash',
    'semicolon',
    'apostrophe',
    'grave_accent',
    'comma',
    'dot',
    'slash',
  ])
  expect(typed('!@)_{|:"<?~')).toEqual([
    'shift-1',
    'shift-2',
    'shift-0',
    'shift-minus',
    'shift-bracket_left',
    'shift-backslash',
    'shift-semicolon',
    'shift-apostrophe',
    'shift-comma',
    'shift-slash',
    'shift-grave_accent',
  ])
  expect(typed('ls\n')).toEqual(['l', 's', 'ret'])
  expect(typed('ü')).toEqual(['?ü'])
  expect(typed('a<enter><ctrl-c>')).toEqual(['a', 'ret', 'ctrl-c'])
  // What is no name is text.
  expect(typed('<b>').length).toBe(3)
  expect(typed('<stdio.h>').length).toBe(9)
  expect(typed('a<zz>').length).toBe(5)
})

it('reads keys by name', () => {
  expect(readChord('ctrl-alt-delete')).toEqual({ codes: ['ctrl', 'alt', 'delete'] })
  expect(readChord('enter')).toEqual({ codes: ['ret'] })
  expect(readChord('<pageup>')).toEqual({ codes: ['pgup'] })
  expect(readChord('f2')).toEqual({ codes: ['f2'] })
  expect(readChord('hyper-x')).toEqual({ unknown: 'hyper-x' })
  expect(readChord('')).toEqual({ unknown: '' })
})
