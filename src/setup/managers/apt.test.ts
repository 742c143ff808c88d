import { expect, test } from 'vitest'
import { parsePolicy, parseSimulation, parseSizes, parseStates } from './apt.ts'
import { explainApt } from './apt-explain.ts'

/** Words of apt 2.6.1 and dpkg 1.21.22, Debian 12, LC_ALL=C. */
test('what is new and what is upgraded', () => {
  const text = `NOTE: …
Inst libpcap0.8 (1.10.3-1 Debian:12.15/oldstable [amd64])
Inst libc6 [2.36-9] (2.36-9+deb12u14 Debian:12.15/oldstable [amd64])
Inst tcpdump (4.99.3-1 Debian:12.15/oldstable [amd64])
Conf libpcap0.8 (1.10.3-1 Debian:12.15/oldstable [amd64])`
  expect(parseSimulation(text)).toEqual({ added: ['libpcap0.8', 'tcpdump'], upgraded: ['libc6'] })
})

test('sizes, in thousands, of which some may be in the cache', () => {
  const text = `Need to get 1,234 kB/5,678 kB of archives.
After this operation, 1741 kB of additional disk space will be used.`
  expect(parseSizes(text)).toEqual({ downloadBytes: 1_234_000, diskBytes: 1_741_000 })
  expect(
    parseSizes(
      'Need to get 0 B/624 kB of archives.\nAfter this operation, 12.5 MB disk space will be freed.',
    ),
  ).toEqual({
    downloadBytes: 0,
    diskBytes: 0,
  })
})

test('installed is not half installed, nor configuration left behind', () => {
  const states = parseStates('gcc\tii \t4:12\nbc\tiU \t1.07\ntcpdump\trc \t4.99\nnone\tun \t\nheld\thi \t1\n')
  expect(states.map((s) => [s.name, s.isInstalled])).toEqual([
    ['gcc', true],
    ['bc', false],
    ['tcpdump', false],
    ['held', true],
  ])
})

test('a name without a candidate is unavailable', () => {
  const text =
    'gcc:\n  Installed: (none)\n  Candidate: 4:12.2.0-3\n  Version table:\nold:\n  Installed: (none)\n  Candidate: (none)\n'
  expect([...parsePolicy(text)]).toEqual(['gcc'])
})

test.each([
  [
    'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 12 (apt-get)',
    'PACKAGES_LOCKED',
  ],
  ["Err:1 http://d/ bookworm/main amd64 tcpdump\n  Temporary failure resolving 'd'", 'PACKAGES_NO_NETWORK'],
  ['E: Failed to fetch http://d/x.deb  404  Not Found [IP: 1.2.3.4 80]', 'PACKAGES_GONE'],
  ["E: dpkg was interrupted, you must manually run 'dpkg --configure -a'", 'PACKAGES_INTERRUPTED'],
  ['dpkg: error: unable to write: No space left on device', 'PACKAGES_NO_SPACE'],
  ['The following packages have unmet dependencies:\n a : Depends: b', 'PACKAGES_UNMET'],
])('%s', (text, code) => {
  expect(explainApt(text.split('\n')).map((d) => d.code)).toEqual([code])
  expect(explainApt(['something else'])).toEqual([])
})
