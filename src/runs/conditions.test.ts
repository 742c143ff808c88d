import { expect, test } from 'vitest'
import { isEstablished } from './conditions.ts'

/** As QEMU 7.2 prints it. */
const table = (state: string) => `Hub -1 (nic0-net):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[${state}]      14       127.0.0.1 36241       10.0.2.15  6379     0     0
  TCP[HOST_FORWARD]  13       127.0.0.1 36241       10.0.2.15  6379     0     0
`

test('a port is open once the guest has answered', () => {
  expect(isEstablished(table('ESTABLISHED'), 6379)).toBe(true)
  expect(isEstablished(table('SYN_SENT'), 6379)).toBe(false)
  expect(isEstablished(table('ESTABLISHED'), 36241)).toBe(false)
  expect(isEstablished('', 6379)).toBe(false)
})
