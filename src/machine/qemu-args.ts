/** Reads arguments for QEMU as QEMU does: options with and without a value, `key=value` lists, and JSON. Pure. */
import type { Argument } from './device.ts'
import { readQemuJson } from './qemu-json.ts'

/** One option of a command line. */
export interface QemuOption {
  /** Without dashes: `device`. */
  readonly name: string
  readonly value: string | undefined
  /** Place of the option in the list that it was read from. */
  readonly index: number
  /** The first bare word of the value, or the key that stands for it in JSON: a driver, a type. */
  readonly head: string | undefined
  readonly keys: ReadonlyMap<string, string>
}

/** Options without a value. Source: qemu-options.hx of QEMU 7.2 and 10.0, entries without HAS_ARG. */
const WITHOUT_VALUE = new Set(
  `h help version S s snapshot usb full-screen nodefaults no-user-config nographic daemonize enable-kvm no-reboot
  no-shutdown no-acpi no-hpet no-fd-bootchk win2k-hack mem-prealloc singlestep one-insn-per-tb preconfig only-migratable
  portrait alt-grab ctrl-grab no-quit sdl curses xen-attach xen-domid-restrict semihosting enable-fips old-param
  nouserconfig no-kvm no-frame`.split(/\s+/),
)

/** The key that the first bare word of an option means, where it is looked up by key. */
const HEADS = ['driver', 'qom-type', 'type', 'backend', 'file', 'guest']

/** Options of a list of words, such as `['-device', 'vmgenid', '-snapshot']`. */
export function readQemuArgs(words: readonly string[]): readonly QemuOption[] {
  const found: QemuOption[] = []
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    const name = /^--?([^-].*)$/.exec(word)?.[1]
    const start = index
    // A word without a dash is a disk image, as after -hda.
    if (name === undefined) found.push(readOption('hda', word, start))
    else if (WITHOUT_VALUE.has(name)) found.push(readOption(name, undefined, start))
    else found.push(readOption(name, words[++index], start))
  }
  return found
}

/** QEMU takes a value for JSON by its first letter. */
const isJson = (value: string) => value.startsWith('{')
export const isInJson = ({ value = '' }: QemuOption) => isJson(value)

/** Options that QEMU 7.2 takes JSON for. */
const TAKES_JSON = new Set(['device', 'object', 'netdev', 'blockdev', 'display', 'audiodev', 'compat'])

/** Whether the value is meant for JSON, and QEMU cannot read it. */
export function isBrokenJson({ name, value = '' }: QemuOption): boolean {
  return TAKES_JSON.has(name) && isJson(value) && readQemuJson(value) === undefined
}

/**
 * The options `-device` in the order in which QEMU makes the devices: those in JSON after all others (softmmu/vl.c,
 * qemu_create_cli_devices).
 */
export function devicesInOrder(options: readonly QemuOption[]): readonly QemuOption[] {
  const devices = options.filter((o) => o.name === 'device')
  return [...devices.filter((o) => !isInJson(o)), ...devices.filter(isInJson)]
}

/** The words without those options and their values. */
export function withoutOptions(words: readonly string[], names: readonly string[]): readonly string[] {
  const dropped = new Set(
    readQemuArgs(words).flatMap((o) =>
      names.includes(o.name) ? [o.index, ...(o.value === undefined ? [] : [o.index + 1])] : [],
    ),
  )
  return dropped.size === 0 ? words : words.filter((_, index) => !dropped.has(index))
}

function readOption(name: string, value: string | undefined, index: number): QemuOption {
  const keys: ReadonlyMap<string, string> =
    value === undefined ? new Map() : isJson(value) ? (readQemuJson(value) ?? new Map()) : readKeys(value)
  const head = keys.get('') ?? HEADS.map((key) => keys.get(key)).find((text) => text !== undefined)
  return { name, value, index, head, keys }
}

/** One argument of a machine is read by several rules. */
const argumentsRead = new WeakMap<Argument, QemuOption>()

/** An argument of a compiled machine as an option. */
export function readArgument(argument: Argument, index: number): QemuOption {
  const known = argumentsRead.get(argument)
  if (known) return known.index === index ? known : { ...known, index }
  const option = readOption(argument[0].replace(/^--?/, ''), argument[1], index)
  argumentsRead.set(argument, option)
  return option
}

/** `a,b=c,,d`: a bare first word has the key `''`; a doubled comma is one. */
function readKeys(text: string): ReadonlyMap<string, string> {
  const keys = new Map<string, string>()
  for (const [place, part] of commaParts(text).entries()) {
    const at = part.indexOf('=')
    if (at > 0) keys.set(part.slice(0, at), part.slice(at + 1))
    else if (place === 0) keys.set('', part)
    else keys.set(part, 'on')
  }
  return keys
}

/** Parts between single commas; a doubled comma is one of the text. */
export function commaParts(text: string): readonly string[] {
  if (!text.includes(',,')) return text.split(',')
  const parts = ['']
  for (let i = 0; i < text.length; i++) {
    const isDoubled = text[i] === ',' && text[i + 1] === ','
    if (text[i] === ',' && !isDoubled) parts.push('')
    else parts[parts.length - 1] += text[i] ?? ''
    if (isDoubled) i++
  }
  return parts
}

/** Options that bring a medium along that firmware can boot. */
const BOOTABLE = [
  'hda',
  'hdb',
  'hdc',
  'hdd',
  'cdrom',
  'fda',
  'fdb',
  'drive',
  'blockdev',
  'nic',
  'net',
  'pflash',
]

/** Whether the user's own arguments may bring something to boot. */
export function bringsBootMedium(qemuArgs: readonly string[]): boolean {
  return readQemuArgs(qemuArgs).some(
    (o) =>
      BOOTABLE.includes(o.name) ||
      (o.name === 'device' &&
        /usb-storage|scsi|nvme|ide-|virtio-(blk|net)|vfio|e1000|loader/.test(o.head ?? '')),
  )
}
