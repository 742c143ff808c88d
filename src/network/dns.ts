/** A DNS server that knows the guests of one network. */
import dnsPacket, { type Answer, type DecodedPacket, type Packet } from 'dns-packet'
import { formatIpv4, type Ipv4 } from './addresses.ts'

export const DNS_PORT = 53

export interface DnsOptions {
  /** Behind which names are known too: NAME.DOMAIN. */
  readonly domain: string
  readonly names: readonly { readonly name: string; readonly address: Ipv4 }[]
}

const TTL_SECONDS = 60
/** Response codes (RFC 1035). */
const NOERROR = 0
const FORMERR = 1
const NXDOMAIN = 3
const NOTIMP = 4
const REFUSED = 5

export class DnsServer {
  readonly #addresses = new Map<string, readonly string[]>()
  readonly #names = new Map<string, string>()
  readonly #domain: string

  constructor({ domain, names }: DnsOptions) {
    this.#domain = domain.toLowerCase()
    for (const { name, address } of names) {
      const key = name.toLowerCase()
      const text = formatIpv4(address)
      for (const known of [key, `${key}.${domain.toLowerCase()}`])
        this.#addresses.set(known, [...(this.#addresses.get(known) ?? []), text])
      const reverse = `${text.split('.').reverse().join('.')}.in-addr.arpa`
      if (!this.#names.has(reverse)) this.#names.set(reverse, `${key}.${domain}`)
    }
  }

  /** The answer to a datagram, if there is to be one. */
  answer(bytes: Buffer): Buffer | undefined {
    let query: DecodedPacket
    try {
      query = dnsPacket.decode(bytes)
    } catch {
      // The identifier comes first; without it there is no answer that a client could match.
      return bytes.length < 12 || isResponse(bytes) ? undefined : failure(bytes.readUInt16BE(0), FORMERR)
    }
    if (query.type !== 'query') return undefined
    const [question] = query.questions ?? []
    const isOne = query.questions?.length === 1 && question !== undefined
    const id = query.id ?? 0
    const isQuery = (((query.flags ?? 0) >> 11) & 15) === 0
    if (!isQuery || !isOne) return failure(id, isQuery ? FORMERR : NOTIMP)
    const { answers, code } = this.#lookUp(question.name.toLowerCase().replace(/\.$/, ''), question.type)
    // The question is repeated as it was written: some clients compare its case (0x20).
    const reply: Packet = {
      type: 'response',
      id,
      flags: dnsPacket.AUTHORITATIVE_ANSWER | (query.flag_rd ? RECURSION : 0) | code,
      questions: [question],
      answers: answers.map(
        (data): Answer => ({ ...data, name: question.name, ttl: TTL_SECONDS, class: 'IN' }),
      ),
    }
    return dnsPacket.encode(reply)
  }

  #lookUp(
    name: string,
    type: string,
  ): {
    readonly answers: readonly { readonly type: 'A' | 'PTR'; readonly data: string }[]
    readonly code: number
  } {
    const pointer = this.#names.get(name)
    if (pointer !== undefined)
      return {
        answers: type === 'PTR' || type === 'ANY' ? [{ type: 'PTR', data: pointer }] : [],
        code: NOERROR,
      }
    const addresses = this.#addresses.get(name)
    if (addresses === undefined) return { answers: [], code: this.#isOurs(name) ? NXDOMAIN : REFUSED }
    // A known name has no records of other types, which is no error.
    const wanted = type === 'A' || type === 'ANY'
    return { answers: wanted ? addresses.map((data) => ({ type: 'A' as const, data })) : [], code: NOERROR }
  }

  /** Of another name a guest with a way out asks its next server: "no such name" would end its search. */
  #isOurs(name: string): boolean {
    return !name.includes('.') || /(?:^|\.)in-addr\.arpa$/.test(name) || name.endsWith(`.${this.#domain}`)
  }
}

/** The client wanted recursion, and gets it as far as there is any. */
const RECURSION = 0x0100 | 0x0080

const isResponse = (bytes: Buffer) => (bytes.readUInt8(2) & 0x80) !== 0

function failure(id: number, code: number): Buffer {
  return dnsPacket.encode({ type: 'response', id, flags: code, questions: [], answers: [] })
}
