/** Elements of a libvirt domain. Pure. */
import { XMLParser } from 'fast-xml-parser'

/** An element: attributes begin with `@`, text is `#text`, children are lists. */
export interface Element {
  readonly [key: string]: string | readonly Element[] | undefined
}

/** Undefined for a document with a document type: its entities could grow without end. */
export function domainIn(xml: string): Element | undefined {
  if (/<!(DOCTYPE|ENTITY)/i.test(xml)) return undefined
  try {
    const parser = new XMLParser({
      ignoreAttributes: false,
      attributeNamePrefix: '@',
      parseTagValue: false,
      parseAttributeValue: false,
      alwaysCreateTextNode: true,
      isArray: (_name, _path, _isLeaf, isAttribute) => !isAttribute,
    })
    const document = parser.parse(xml, true) as Element
    return children(document, 'domain')[0] ?? children(child(document, 'domstatus'), 'domain')[0]
  } catch {
    return undefined
  }
}

export const children = (element: Element | undefined, name: string): readonly Element[] => {
  const found = element?.[name]
  return Array.isArray(found) ? (found as readonly Element[]) : []
}
export const child = (element: Element | undefined, name: string): Element | undefined =>
  children(element, name)[0]
export const attribute = (element: Element | undefined, name: string): string | undefined => {
  const value = element?.[`@${name}`]
  return typeof value === 'string' ? value : undefined
}
export const text = (element: Element | undefined): string | undefined => {
  const value = element?.['#text']
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

/** Units of libvirt in KiB; KiB is the default. */
const UNITS: Readonly<Record<string, number>> = {
  b: 1 / 1024,
  bytes: 1 / 1024,
  kb: 1000 / 1024,
  k: 1,
  kib: 1,
  mb: 1e6 / 1024,
  m: 1024,
  mib: 1024,
  gb: 1e9 / 1024,
  g: 1024 ** 2,
  gib: 1024 ** 2,
  t: 1024 ** 3,
  tib: 1024 ** 3,
}

export function sizeIn(element: Element | undefined): string | undefined {
  const number = Number(text(element) ?? Number.NaN)
  const unit = UNITS[(attribute(element, 'unit') ?? 'KiB').toLowerCase()]
  return Number.isFinite(number) && number > 0 && unit !== undefined
    ? `${Math.round(number * unit)}K`
    : undefined
}
