import { expect, test } from 'vitest'
import * as z from 'zod'
import { wordsOf } from './issue-words.ts'

const said = (schema: z.ZodType, value: unknown) => schema.safeParse(value).error?.issues.map(wordsOf)

test.each([
  [z.int(), 'x', 'must be a number'],
  [z.int(), 1.5, 'must be a whole number'],
  [z.string(), undefined, 'must be a string'],
  [z.boolean(), 1, 'must be true or false'],
  [z.array(z.string()), 'x', 'must be a list'],
  [z.strictObject({}), 'x', 'must be an object'],
  [z.record(z.string(), z.int()), 'x', 'must be an object'],
  [z.int().min(1), 0, 'must be at least 1'],
  [z.int().max(256), 257, 'must be at most 256'],
  [z.number().positive(), 0, 'must be more than 0'],
  [z.number().lt(3), 3, 'must be less than 3'],
  [z.string().min(1), '', 'must have at least 1 character'],
  [z.array(z.int()).max(2), [1, 2, 3], 'must have at most 2 entries'],
  [z.number().multipleOf(4), 5, 'must be a multiple of 4'],
  [z.enum(['q35', 'pc']), 'x', 'must be "q35" or "pc"'],
  [z.literal(2), 3, 'must be 2'],
  [z.string().regex(/^a+$/), 'b', 'must have the form of /^a+$/'],
  [z.ipv4(), 'x', 'must be an IPv4 address'],
  [z.string().regex(/^a+$/, 'only the letter a'), 'b', 'only the letter a'],
  [
    z.record(z.string().regex(/^a$/, 'only a'), z.int()),
    { b: 1 },
    'is not a name that may be used here: only a',
  ],
  [z.union([z.string(), z.int()]), {}, 'has none of the forms that are possible here'],
])('%#: %s', (schema, value, words) => {
  expect(said(schema, value)).toEqual([words])
})
