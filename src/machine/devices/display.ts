/** The display: a graphics card without a window. What it shows is read from the card. */
import * as z from 'zod'
import { defineDevice, option } from '../device.ts'
import type { MachineConfig } from '../machine-schema.ts'
import { devicesInOrder, type QemuOption, readQemuArgs, withoutOptions } from '../qemu-args.ts'
import { pciFunction } from './pci-expectation.ts'

/** Cards by name: QEMU's driver, and the numbers of its PCI function. */
const CARDS = {
  std: { driver: 'VGA', numbers: '1234:1111' },
  cirrus: { driver: 'cirrus-vga', numbers: '1013:00b8' },
  bochs: { driver: 'bochs-display', numbers: '1234:1111' },
  'virtio-vga': { driver: 'virtio-vga', numbers: '1af4:1050' },
  'virtio-gpu': { driver: 'virtio-gpu-pci', numbers: '1af4:1050' },
} as const

type Card = keyof typeof CARDS

const schema = z.lazy(() =>
  z
    .enum(['none', ...(Object.keys(CARDS) as Card[])])
    .describe(
      'Graphics card. `std`: VGA with the Bochs extensions. `bochs` and `virtio-gpu` have no text mode. There is no window: `bringup screen` shows what is drawn.',
    ),
)

/** Of the card that the description names. */
const ID = 'display'

export const display = defineDevice({
  kind: 'display',
  summary: 'A graphics card, whose screen is read as text',
  schema,
  diagnostics: {},
  savedState: () => true,
  needs: (card) => (card === 'none' ? {} : { types: [CARDS[card].driver] }),
  compile: (card) => (card === 'none' ? {} : { args: [option('-device', CARDS[card].driver, { id: ID })] }),
  topology: (card) => ({ detail: card }),
  mustSee: (card) => (card === 'none' ? [] : [pciFunction('display', CARDS[card].numbers, 0)]),
})

/** Drivers that bring a screen (QEMU: devices of the category "display", and ramfb). */
const DRIVERS =
  /^(VGA|secondary-vga|isa-vga|cirrus-vga|isa-cirrus-vga|qxl|qxl-vga|vmware-svga|ati-vga|bochs-display|ramfb|virtio-vga.*|virtio-gpu.*|vhost-user-(vga|gpu).*)$/

/** Those of them that answer at the ports and in the memory of VGA. */
const VGA_COMPATIBLE =
  /^(VGA|isa-vga|cirrus-vga|isa-cirrus-vga|qxl-vga|vmware-svga|ati-vga|virtio-vga.*|vhost-user-vga.*)$/

/** What `-vga` calls the cards that the description has as well. */
const VGA_WORDS: Readonly<Record<string, Card | 'none'>> = {
  none: 'none',
  std: 'std',
  cirrus: 'cirrus',
  virtio: 'virtio-vga',
}

/**
 * A card among the user's own arguments is the machine's card: `-vga std` and `-device VGA` mean `display: 'std'`. One
 * with properties of its own stays an argument, and the machine gets no second one for VGA. Cards that can stand beside
 * each other do.
 */
export function withOwnCard(machine: MachineConfig): MachineConfig {
  const own = readQemuArgs(machine.qemuArgs)
  const vga = own.findLast(({ name }) => name === 'vga')
  const cards = own.filter(isCard)
  if (vga === undefined && (cards.length === 0 || standsBeside(machine.display, cards))) return machine
  const [only] = cards
  const plain = cards.length === 1 && vga === undefined && only ? cardOf(only) : undefined
  if (plain !== undefined && only) {
    const qemuArgs = machine.qemuArgs.filter((_, i) => i !== only.index && i !== only.index + 1)
    return { ...machine, display: plain, qemuArgs }
  }
  const named = cards.length === 0 ? VGA_WORDS[vga?.value ?? ''] : undefined
  if (named === undefined) return { ...machine, display: 'none' }
  return { ...machine, display: named, qemuArgs: withoutOptions(machine.qemuArgs, ['vga']) }
}

/** Two cards for VGA answer at the same ports. */
function standsBeside(display: Card | 'none', cards: readonly QemuOption[]): boolean {
  if (display === 'none') return false
  return !VGA_COMPATIBLE.test(CARDS[display].driver) || !cards.some(isVgaCard)
}

/** Whether there is a card among a user’s own arguments: it takes the place of one that a profile takes for granted. */
export const namesCard = (qemuArgs: readonly string[]): boolean => readQemuArgs(qemuArgs).some(isCard)

const isCard = ({ name, head = '' }: QemuOption) => name === 'device' && DRIVERS.test(head)
export const isVgaCard = ({ head = '' }: QemuOption): boolean => VGA_COMPATIBLE.test(head)

/** A card of a machine, as its screen is asked for. */
export interface DisplayCard {
  /** Absent where the user's own argument gives none. */
  readonly id?: string
  /** Screens that it can show; those after the first are `ID:1`, `ID:2`. */
  readonly outputs: number
  /** It answers at the ports of VGA: its text can be read from its memory. */
  readonly hasText: boolean
}

/** All cards, in the order in which QEMU makes them. */
export function displayCards({
  display,
  qemuArgs,
}: Pick<MachineConfig, 'display' | 'qemuArgs'>): readonly DisplayCard[] {
  const own = readQemuArgs(qemuArgs)
  const vga = own.findLast(({ name, value }) => name === 'vga' && value !== 'none')
  const cards = [
    ...(vga === undefined ? [] : [{ driver: 'VGA', outputs: 1 }]),
    ...(display === 'none' ? [] : [{ id: ID, driver: CARDS[display].driver, outputs: 1 }]),
    ...devicesInOrder(own).filter(isCard).map(cardIn),
  ]
  // QEMU gives the ports to the card that came last.
  const last = cards.findLastIndex(({ driver }) => VGA_COMPATIBLE.test(driver))
  return cards.map(({ driver: _, ...card }, i) => ({ ...card, hasText: i === last }))
}

function cardIn({ head = '', keys }: QemuOption) {
  const [id, outputs] = [keys.get('id'), Number(keys.get('max_outputs') ?? 1)]
  return { ...(id === undefined ? {} : { id }), driver: head, outputs: Math.max(outputs || 1, 1) }
}

/** The words of the cards for VGA among a user's own arguments; there may be one. */
export function vgaCards(qemuArgs: readonly string[]): readonly QemuOption[] {
  return readQemuArgs(qemuArgs).filter(
    (option) => (isCard(option) && isVgaCard(option)) || (option.name === 'vga' && option.value !== 'none'),
  )
}

function cardOf({ value }: QemuOption): Card | undefined {
  return (Object.keys(CARDS) as Card[]).find((card) => CARDS[card].driver === value)
}

/** Whether there is anything to be seen: a card of the description, or among the user's own arguments. */
export function hasScreen({ display, qemuArgs }: Pick<MachineConfig, 'display' | 'qemuArgs'>): boolean {
  if (display !== 'none') return true
  const own = readQemuArgs(qemuArgs)
  return own.some(isCard) || own.some(({ name, value }) => name === 'vga' && value !== 'none')
}

/** Keyboards of the user's own arguments, which get the keys instead of the PS/2 one (ui/input.c: the last one that came). */
const KEYBOARDS = /^(usb-kbd|virtio-keyboard.*|virtio-input-host.*)$/

export function hasOtherKeyboard({ qemuArgs }: Pick<MachineConfig, 'qemuArgs'>): boolean {
  return readQemuArgs(qemuArgs).some(
    ({ name, head = '', value }) =>
      (name === 'device' && KEYBOARDS.test(head)) || (name === 'usbdevice' && value === 'keyboard'),
  )
}
