/** What a network reports while it runs. */
import type { Fault } from './fault-schema.ts'

/** Plain JSON. `port` is the id of a port of the plan. */
export type NetworkEvent =
  /** A guest got its address by DHCP. */
  | { readonly type: 'lease given'; readonly port: string; readonly mac: string; readonly address: string }
  /** DHCP could not give this MAC an address: all are taken. */
  | { readonly type: 'no address'; readonly port: string; readonly mac: string }
  /** The guest found the address that it was given in use, and declined it. */
  | {
      readonly type: 'address declined'
      readonly port: string
      readonly mac: string
      readonly address: string
    }
  /** Two ports send with the same MAC address: both lose frames. */
  | { readonly type: 'mac clash'; readonly mac: string; readonly ports: readonly [string, string] }
  /** The same group frame comes again and again: guests bridge two ports into a loop. Its copies are dropped. */
  | { readonly type: 'storm'; readonly port: string; readonly copies: number }
  /** A guest does not take its frames: what waits for it has reached the limit, and further frames are dropped. */
  | { readonly type: 'frames dropped'; readonly port: string; readonly limitBytes: number }
  /** It takes them again. */
  | { readonly type: 'queue drained'; readonly port: string; readonly dropped: number }
  /** A frame longer than the MTU was dropped; reported once per port. */
  | {
      readonly type: 'frame too long'
      readonly port: string
      readonly bytes: number
      readonly limitBytes: number
    }
  /** What came from the port is no stream of frames; it carries nothing any more. */
  | { readonly type: 'port broken'; readonly port: string; readonly problem: string }
  /** The machine behind the port has ended. */
  | { readonly type: 'port closed'; readonly port: string }
  /** The capture file has reached its limit; the network continues. */
  | { readonly type: 'capture full'; readonly file: string; readonly limitBytes: number }
  /** The capture file could not be written; the network continues. */
  | { readonly type: 'capture failed'; readonly file: string; readonly problem: string }
  /** A port was cut off, or put back. */
  | { readonly type: 'link down' | 'link up'; readonly port: string }
  | { readonly type: 'fault applied' | 'fault cleared'; readonly fault: Fault }
  | { readonly type: 'partitioned'; readonly groups: readonly (readonly string[])[] }
  /** All faults and the partition are gone. */
  | { readonly type: 'healed' }
  /** A host network is ready: its bridge lies in the namespaces of that process. With `device` this computer is on it. */
  | {
      readonly type: 'host network ready'
      readonly bridge: string
      readonly pid: number
      readonly device?: string
      readonly address?: string
    }
  /** A command ran as root for a host network. */
  | { readonly type: 'host changed'; readonly command: string }
  /** The process of the switch ended before it was to: no frame passes any more. */
  | { readonly type: 'switch ended'; readonly problem: string }
