import { expect, test } from 'vitest'
import { findTarget, parseRemoteRefs } from './refs.ts'

const [a, b, c] = ['a'.repeat(40), 'b'.repeat(40), 'c'.repeat(40)]
const refs = parseRemoteRefs(
  [
    'ref: refs/heads/main\tHEAD',
    `${a}\tHEAD`,
    `${a}\trefs/heads/main`,
    `${b}\trefs/heads/v6`,
    `${c}\trefs/pull/7/head`,
    `${b}\trefs/tags/v6`,
    `${c}\trefs/tags/v6.12`,
    `${b}\trefs/tags/v6.12^{}`,
    `${b}\trefs/tags/v6.9`,
  ].join('\n'),
)
const target = (ref?: string, isShallow = false) => findTarget(refs, ref, isShallow)

test('a branch comes before a tag, and a tag’s commit before the tag', () => {
  expect(target()).toMatchObject({ kind: 'branch', name: 'main', commit: a })
  expect(target('origin/main')).toMatchObject({ kind: 'branch', name: 'main' })
  expect(target('v6')).toMatchObject({ kind: 'branch', commit: b })
  expect(target('refs/tags/v6')).toMatchObject({ kind: 'tag', name: 'v6', wanted: 'refs/tags/v6' })
  expect(target('v6.12')).toMatchObject({ kind: 'tag', commit: b })
})

test('commits, and refs that are neither branch nor tag', () => {
  expect(target(c)).toMatchObject({ kind: 'commit', commit: c, wanted: c })
  expect(target('abcdef1')).toEqual({ kind: 'commit', name: 'abcdef1', wanted: 'abcdef1' })
  expect(target('refs/pull/7/head')).toMatchObject({ kind: 'commit', commit: c, wanted: 'refs/pull/7/head' })
  expect(() => target('abcdef1', true)).toThrow('CHECKOUT_REF_SHORT')
})

test.each([
  ['6.12', 'did you mean v6.12?'],
  ['mian', 'did you mean main?'],
  ['zzzzzz', 'use one that is there, such as main, v6, v6.12, or a full commit id'],
])('%s is not there', (ref, remedy) => {
  try {
    target(ref)
    expect.unreachable()
  } catch (error) {
    expect(error).toMatchObject({ code: 'CHECKOUT_REF_UNKNOWN', diagnostics: [{ remedy }] })
  }
})

test('a server whose HEAD is on no branch, or on none that is there', () => {
  expect(findTarget(parseRemoteRefs(`${a}\tHEAD\n${b}\trefs/heads/x`), undefined, false)).toMatchObject({
    kind: 'commit',
    commit: a,
  })
  const nowhere = parseRemoteRefs(`ref: refs/heads/main\tHEAD\n${b}\trefs/heads/x`)
  expect(() => findTarget(nowhere, undefined, false)).toThrow('CHECKOUT_REF_UNKNOWN')
  expect(() => findTarget(parseRemoteRefs(''), undefined, false)).toThrow('CHECKOUT_EMPTY_REPOSITORY')
})
