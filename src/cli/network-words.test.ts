import { expect, test } from 'vitest'
import type { NetworkEvent } from '../network/network-event.ts'
import { networkWords } from './network-words.ts'

const fault = { loss: 0.1, seed: 1 }
const port = 'server/lan'
const mac = '52:54:00:00:00:01'

test.each<[NetworkEvent, string | undefined]>([
  [{ type: 'lease given', port, mac, address: '10.1.0.10' }, 'server/lan has 10.1.0.10'],
  [
    { type: 'mac clash', mac, ports: [port, 'b/lan'] },
    `server/lan and b/lan send with the same MAC address ${mac}: both lose frames`,
  ],
  [
    { type: 'frames dropped', port, limitBytes: 2 ** 20 },
    'server/lan does not take its frames: 1M wait, further ones are dropped',
  ],
  [{ type: 'queue drained', port, dropped: 7 }, 'server/lan takes frames again; 7 were dropped'],
  [{ type: 'link down', port }, 'link down at server/lan'],
  [
    { type: 'switch ended', problem: 'it ended with SIGKILL' },
    'the network has ended: it ended with SIGKILL',
  ],
  [
    { type: 'host network ready', bridge: 'bu1b', pid: 7 },
    'bridge bu1b in the network namespace of process 7',
  ],
  [
    { type: 'host network ready', bridge: 'bu1b', pid: 7, device: 'bu1', address: '10.1.0.2/24' },
    'bridge bu1b; this computer has 10.1.0.2/24 on bu1',
  ],
  [{ type: 'host changed', command: 'sudo ip link show' }, 'ran sudo ip link show'],
  [{ type: 'port closed', port }, undefined],
  [{ type: 'fault applied', fault }, undefined],
])('%j', (event, words) => expect(networkWords(event)).toBe(words))
