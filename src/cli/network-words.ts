/** What happened on a network of a rack, in words. */
import type { NetworkEvent } from '../network/network-event.ts'
import { formatBytes } from '../units.ts'

/** One line; undefined for what is no news while everything works. */
export function networkWords(event: NetworkEvent): string | undefined {
  switch (event.type) {
    case 'lease given':
      return `${event.port} has ${event.address}`
    case 'no address':
      return `no address is left for ${event.mac} of ${event.port}`
    case 'address declined':
      return `${event.port} declined ${event.address}: another machine uses it`
    case 'mac clash':
      return `${event.ports.join(' and ')} send with the same MAC address ${event.mac}: both lose frames`
    case 'storm':
      return `${event.port} sends one frame again and again: guests bridge a loop; further copies are dropped`
    case 'frames dropped':
      return `${event.port} does not take its frames: ${formatBytes(event.limitBytes)} wait, further ones are dropped`
    case 'queue drained':
      return `${event.port} takes frames again; ${event.dropped} were dropped`
    case 'frame too long':
      return `${event.port} sent a frame of ${event.bytes} bytes; the MTU allows ${event.limitBytes}`
    case 'port broken':
      return `${event.port} is cut off: ${event.problem}`
    case 'capture full':
      return `the capture has reached ${formatBytes(event.limitBytes)}; later frames are missing from it`
    case 'capture failed':
      return `the capture could not be written: ${event.problem}`
    case 'host network ready':
      return event.device === undefined
        ? `bridge ${event.bridge} in the network namespace of process ${event.pid}`
        : `bridge ${event.bridge}; this computer has ${event.address} on ${event.device}`
    case 'host changed':
      return `ran ${event.command}`
    case 'switch ended':
      return `the network has ended: ${event.problem}`
    case 'link down':
    case 'link up':
      return `${event.type} at ${event.port}`
    default:
      return undefined
  }
}
