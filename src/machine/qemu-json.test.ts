import { expect, it } from 'vitest'
import { readQemuJson } from './qemu-json.ts'

const read = (text: string) => {
  const keys = readQemuJson(text)
  return keys && Object.fromEntries(keys)
}

it('reads strings in either quotes, nested keys, lists and numbers as they are written', () => {
  expect(read(`{"driver":"vmgenid"}`)).toEqual({ driver: 'vmgenid' })
  expect(read(`{'driver':'vmgenid','a':{"b":[1,"x"]}, "on" : true}`)).toEqual({
    driver: 'vmgenid',
    'a.b.0': '1',
    'a.b.1': 'x',
    on: 'true',
  })
  expect(read('{"size":18446744073709551615,"f":-1.5e3,"n":null}')).toEqual({
    size: '18446744073709551615',
    f: '-1.5e3',
    n: 'null',
  })
  expect(read(String.raw`{'it\'s':'a "b"','c':"d\"e\u0041\\"}`)).toEqual({ "it's": 'a "b"', c: 'd"eA\\' })
  expect(read('{"file":{"driver":"file","filename":"/a,b"}}')).toEqual({
    'file.driver': 'file',
    'file.filename': '/a,b',
  })
  expect(read('{}')).toEqual({})
})

// QEMU 7.2 says "JSON parse error" of each.
it.each([
  '{"driver":"vmgenid",}',
  '{"driver":"vmgenid","driver":"edu"}',
  '{"driver":"x"',
  '{driver:"x"}',
  '{"a":01}',
  '{"a" "b"}',
  '{"a":"b"}x',
  '{"a":[1,]}',
  '{not JSON',
  '{"a":nul}',
  '{"a":"\\x"}',
])('refuses %s as QEMU does', (text) => expect(read(text)).toBe(undefined))

it('does not go down without end', () => {
  expect(read(`{"a":${'['.repeat(100_000)}`)).toBe(undefined)
})
