/** QMP peers that misbehave: wrong shapes, unknown ids, broken lines, an end in the middle. */
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { QmpClient, QmpEnded, QmpError } from '../../src/qemu/qmp.ts'

const GREETING = '{"QMP":{"version":{"qemu":{"major":7,"minor":2,"micro":0}},"capabilities":[]}}\n'
const anything = fc.oneof(
  fc.constantFrom<unknown>(null, true, -1, 2 ** 53, '__proto__', '\u001b[6n', [], {}, { class: 1 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
const message = fc
  .dictionary(fc.constantFrom('return', 'error', 'event', 'id', 'data', 'timestamp', 'QMP'), anything)
  .map((m) => `${JSON.stringify(m)}\n`)
const piece = fc.oneof(
  message,
  fc.constantFrom(
    GREETING,
    '{"return":{},"id":0}\n',
    '{"return":{},"id":1}\n',
    '{"error":{"class":"GenericError","desc":"\\u001b[6n"},"id":1}\n',
    '{"event":"RESET","data":{"guest":true}}\n',
    '\n',
    '{',
    '}',
    `${'['.repeat(50_000)}\n`,
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
)
export const arbitraryPeer = fc.array(piece, { maxLength: 20 }).map((pieces) => [GREETING, ...pieces])

/** Every call settles once the peer has gone, with an answer or an error of QMP's. */
export async function tryPeer(pieces: readonly string[]): Promise<void> {
  const peer = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const client = new QmpClient(peer)
  client.on('RESET', () => {})
  const calls = [client.ready, client.execute('query-status'), client.execute('cont')]
  const settled = Promise.allSettled(calls)
  for (const text of pieces) peer.push(text)
  peer.push(null)
  for (const result of await settled) {
    if (result.status === 'fulfilled') continue
    const { reason } = result
    if (!(reason instanceof QmpEnded || reason instanceof QmpError)) throw reason
  }
}
