/** What a tree boots, by the QEMU command that it has itself: in a makefile or a script. Pure. */

/** A medium, and what else the command says of the machine. */
export interface BootedBy {
  readonly key: 'image' | 'disk' | 'iso' | 'floppy'
  readonly path: string
  /** Further disks. */
  readonly more: readonly string[]
  readonly bus?: 'ide' | 'virtio'
  readonly append?: string
  readonly initrd?: string
  readonly memory?: string
}

const QEMU = /(?:^|[\s"'/])(?:qemu-system-(?:x86_64|i386)|\$[({]QEMU\w*[)}]|kvm)(?=\s)/

/** The first command of a text that starts a PC in QEMU; undefined where none says plainly what it boots. */
export function qemuCommandIn(commands: readonly string[]): BootedBy | undefined {
  for (const command of commands) {
    const start = QEMU.exec(command)
    if (!start) continue
    const found = readCommand(wordsOf(command.slice(start.index + start[0].length)))
    if (found) return found
  }
  return undefined
}

/** As a shell splits them, up to the end of the command. */
function wordsOf(text: string): readonly string[] {
  const words: string[] = []
  for (const [, double, single, plain] of text.matchAll(/"([^"]*)"|'([^']*)'|([^\s"']+)/g)) {
    if (plain !== undefined && /^(?:&&?|\|\|?|;|>|2>)/.test(plain)) break
    words.push(double ?? single ?? plain ?? '')
  }
  return words
}

function readCommand(words: readonly string[]): BootedBy | undefined {
  const values = new Map<string, string[]>()
  const bare: string[] = []
  for (let i = 0; i < words.length; i++) {
    const name = /^--?(\w.*)$/.exec(words[i] ?? '')?.[1]
    if (name === undefined) bare.push(words[i] ?? '')
    else if (TAKES_VALUE.has(name)) values.set(name, [...(values.get(name) ?? []), words[++i] ?? ''])
  }
  const one = (name: string) => values.get(name)?.[0]
  const drives = (values.get('drive') ?? []).map(keysOf)
  const isDisk = ({ if: kind, media }: Keys) => kind !== 'floppy' && kind !== 'pflash' && media !== 'cdrom'
  const disks = [
    ...['hda', 'hdb', 'hdc', 'hdd'].flatMap((name) => values.get(name) ?? []),
    ...drives
      .filter(isDisk)
      .toSorted((a, b) => Number(a.index ?? 0) - Number(b.index ?? 0))
      .flatMap((d) => d.file ?? []),
    ...bare.filter((word) => /\.(img|bin|raw|hdd)$/.test(word)),
  ]
  const memory = one('m')
  const more = {
    ...(memory !== undefined && /^\d+[MGmg]?$/.test(memory)
      ? { memory: /[MG]$/i.test(memory) ? memory.toUpperCase() : `${memory}M` }
      : {}),
  }
  const path = (file: string | undefined): file is string =>
    file !== undefined && file !== '' && !file.includes('$')
  const kernel = one('kernel')
  const [append, initrd] = [one('append'), one('initrd')]
  if (path(kernel))
    return {
      key: 'image',
      path: kernel,
      more: disks.filter(path),
      ...(append === undefined || append.includes('$') ? {} : { append }),
      ...(path(initrd) ? { initrd } : {}),
      ...more,
    }
  const iso = one('cdrom') ?? drives.find((d) => d.media === 'cdrom')?.file
  if (path(iso)) return { key: 'iso', path: iso, more: disks.filter(path), ...more }
  const floppy = one('fda') ?? drives.find((d) => d.if === 'floppy')?.file
  if (path(floppy)) return { key: 'floppy', path: floppy, more: [], ...more }
  const [first, ...rest] = disks.filter(path)
  if (first === undefined) return undefined
  const isVirtio =
    drives.some((d) => d.if === 'virtio') || (values.get('device') ?? []).some((d) => /^virtio-blk/.test(d))
  return { key: 'disk', path: first, more: rest, bus: isVirtio ? 'virtio' : 'ide', ...more }
}

type Keys = Readonly<Record<string, string>>

function keysOf(drive: string): Keys {
  return Object.fromEntries(
    drive.split(',').map((part, i) => {
      const at = part.indexOf('=')
      return at < 0 ? [i === 0 ? 'file' : part, part] : [part.slice(0, at), part.slice(at + 1)]
    }),
  )
}

/** Options with a value that a command of such a tree may have; others stand alone. */
const TAKES_VALUE = new Set(
  `accel append audiodev bios blockdev boot cdrom chardev cpu D d debugcon device display drive fda fdb gdb global hda hdb
  hdc hdd initrd k kernel m machine M mem-path mon monitor name net netdev nic numa object parallel pidfile qmp rtc serial
  smbios smp vga vnc usbdevice L`.split(/\s+/),
)
