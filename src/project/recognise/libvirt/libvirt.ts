/**
 * Reads the XML of a libvirt domain as the QEMU command that libvirt would make of it, as far as the guest can see it. The
 * command is then read as any other. Pure.
 */
import type { Remark } from '../../../machine/from-qemu/from-qemu.ts'
import { bootWords } from './boot.ts'
import { deviceWords } from './devices.ts'
import { attribute, child, children, domainIn, type Element, sizeIn, text } from './elements.ts'
import { cpuWords } from './processors.ts'
import { pair } from './words.ts'

export interface LibvirtDomain {
  readonly name: string | undefined
  readonly target: string
  readonly words: readonly string[]
  readonly remarks: readonly Remark[]
}

/** Source: https://libvirt.org/formatdomain.html. */
export function readLibvirt(xml: string): LibvirtDomain | undefined {
  const domain = domainIn(xml)
  if (domain === undefined) return undefined
  const os = child(domain, 'os')
  const remarks: Remark[] = []
  const lose = (words: string, because = 'a description cannot express it') =>
    remarks.push({ words, because, state: 'lost' })
  const type = child(os, 'type')
  const features = child(domain, 'features')
  const words = [
    '-nodefaults',
    ...pair('-name', text(child(domain, 'name'))?.replaceAll(',', ',,')),
    ...pair('-machine', attribute(type, 'machine')?.replaceAll(',', ',,')),
    ...(attribute(domain, 'type') === 'qemu' ? ['-accel', 'tcg'] : []),
    ...pair('-m', memoryOf(domain)),
    ...cpuWords(domain),
    ...bootWords(os),
    ...deviceWords(domain, lose),
    ...children(child(domain, 'qemu:commandline'), 'qemu:arg').flatMap(
      (arg) => attribute(arg, 'value') ?? [],
    ),
  ]
  for (const name of Object.keys(domain))
    if (!KNOWN.includes(name) && !name.startsWith('@')) lose(`<${name}>`)
  for (const name of Object.keys(features ?? {}))
    if (!['acpi', 'apic', 'pae', 'vmport', '#text'].includes(name)) lose(`<features><${name}>`)
  const arch = attribute(type, 'arch') ?? 'x86_64'
  return { name: text(child(domain, 'name')), target: arch === 'i686' ? 'i386' : arch, words, remarks }
}

/** Elements that are read, and those that say what happens on this computer. */
const KNOWN = [
  ...[
    'name',
    'os',
    'memory',
    'currentMemory',
    'maxMemory',
    'vcpu',
    'cpu',
    'devices',
    'features',
    'qemu:commandline',
  ],
  ...[
    'uuid',
    'title',
    'description',
    'metadata',
    'clock',
    'pm',
    'on_poweroff',
    'on_reboot',
    'on_crash',
    'resource',
  ],
  ...['seclabel', '#text', 'iothreads'],
]

const memoryOf = (domain: Element) =>
  sizeIn(child(domain, 'currentMemory')) ?? sizeIn(child(domain, 'memory'))
