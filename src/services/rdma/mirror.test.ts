import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import type { Diagnostic } from '../../diagnostics.ts'
import { addressOf, openMirror } from './mirror.ts'

const folder = mkdtempSync(join(tmpdir(), 'mirror '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('addresses of GIDs as ip(8) takes them', () => {
  for (const [gid, address] of [
    ['fe80000000000000505400fffe09e2dc', 'fe80:0:0:0:5054:ff:fe09:e2dc/64'],
    ['00000000000000000000ffff0a01000a', '10.1.0.10/32'],
    ['20010db8000000000000000000000001', '2001:db8:0:0:0:0:0:1/128'],
    ['00000000000000000000000000000001', '0:0:0:0:0:0:0:1/128'],
  ] as const)
    expect(addressOf(Buffer.from(gid, 'hex'))).toBe(address)
})

const place = { device: 'rxe0', port: 1, interface: 'd0' }
const gid = Buffer.from('00000000000000000000ffff0a01000a', 'hex')

/** A mirror whose root is a script: it notes its words, waits for what it is told, and ends as told. */
function mirrorWith(name: string, script: string) {
  const log = join(folder, `${name}.log`)
  const root = join(folder, name)
  writeFileSync(root, `#!/bin/sh\n${script}\necho "$@" >> '${log}'\n`)
  chmodSync(root, 0o755)
  const findings: Diagnostic[] = []
  const state = { hasGid: false }
  const mirror = openMirror({
    prefix: [root],
    onFinding: (finding) => void findings.push(finding),
    hasGid: () => state.hasGid,
  })
  const words = () => {
    try {
      return readFileSync(log, 'utf8').trim().split('\n')
    } catch {
      return []
    }
  }
  return { mirror, state, words, codes: () => findings.map(({ code }) => code), findings }
}

test('an address that cannot be set is a finding, with what ip said', async () => {
  const { mirror, words, findings } = mirrorWith('refuses', 'echo "Operation not permitted" >&2; exit 2')
  await mirror.add(place, gid)
  await mirror[Symbol.asyncDispose]()
  expect(words()).toEqual([])
  expect(findings).toMatchObject([{ code: 'RDMA_ADDRESS_NOT_SET', what: '10.1.0.10/32 on d0 was not set' }])
  expect(findings[0]?.evidence).toContain('Operation not permitted')
})

test('an address that cannot be removed is a finding, and is tried again at the end', async () => {
  const once = join(folder, 'once')
  const script = `[ "$3" = add ] || [ -e '${once}' ] || { touch '${once}'; echo busy >&2; exit 2; }`
  const { mirror, state, words, codes } = mirrorWith('busy', script)
  const added = mirror.add(place, gid)
  state.hasGid = false
  await vi.waitFor(() => expect(words()).toHaveLength(1), { timeout: 60_000 })
  state.hasGid = true
  await added
  await mirror.remove(place, gid)
  expect(codes()).toEqual(['RDMA_ADDRESS_STAYS'])
  await mirror[Symbol.asyncDispose]()
  expect(words()).toEqual(['ip address add 10.1.0.10/32 dev d0', 'ip address del 10.1.0.10/32 dev d0'])
})

test('an address that is being set when the run ends is removed', async () => {
  const go = join(folder, 'go')
  const begun = join(folder, 'begun')
  const script = `touch '${begun}'; while [ "$3" = add ] && ! [ -e '${go}' ]; do :; done`
  const { mirror, words, codes } = mirrorWith('slow', script)
  void mirror.add(place, gid)
  const ended = mirror[Symbol.asyncDispose]()
  writeFileSync(go, '')
  await ended
  expect(words()).toEqual(['ip address add 10.1.0.10/32 dev d0', 'ip address del 10.1.0.10/32 dev d0'])
  expect(codes()).toEqual([])
})
