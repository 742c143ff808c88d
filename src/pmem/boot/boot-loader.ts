/** Finds out which boot loader starts this computer, and how its kernel’s command line is changed. Reads only. */
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { findProgram } from '../../host/tools.ts'
import type { HostReader } from '../../steps/host-reader.ts'

export const problems = defineDiagnostics({
  PMEM_NO_BOOT_LOADER: {
    title: 'No boot loader was found whose settings bringup can change and restore.',
    why: 'it is neither GRUB nor systemd-boot, or is outside of this system, as in many virtual machines and network boots',
    remedy:
      'add the words that `bringup pmem plan` shows to the kernel’s command line yourself, reboot, then `bringup pmem status`',
  },
  PMEM_UNIFIED_KERNEL: {
    title: 'The kernel is a unified kernel image: its command line is a part of it.',
    why: 'another command line needs a new image, and with Secure Boot a new signature',
    remedy:
      'add the words that `bringup pmem plan` shows to the image’s command line with the tool that makes it',
    source: 'systemd-stub(7)',
  },
  PMEM_MENU_UNREADABLE: {
    title: 'The boot loader’s files are unreadable for this user.',
    why: 'without their content they could not be restored',
    remedy: 'run it as root',
  },
})

export type BootLoader =
  /** Settings of grub-mkconfig in a folder of their own (Debian and its derivatives). */
  | {
      readonly kind: 'grub-drop-in'
      readonly folder: string
      readonly menu: string
      readonly update: readonly string[]
    }
  /** Settings of grub-mkconfig in one file. */
  | {
      readonly kind: 'grub-file'
      readonly file: string
      readonly menu: string
      readonly update: readonly string[]
    }
  /** Entries that grubby(8) keeps (Fedora and its derivatives). */
  | { readonly kind: 'grubby'; readonly entries: string }
  /** systemd-boot whose entries kernel-install(8) makes from `/etc/kernel/cmdline`. */
  | {
      readonly kind: 'kernel-install'
      readonly entries: string
      readonly entry: string
      readonly image: string
    }
  /** systemd-boot with entries that another program maintains. */
  | { readonly kind: 'systemd-boot'; readonly entries: string; readonly entry: string }

/** EFI variables of the systemd boot loader interface. Source: systemd.io/BOOT_LOADER_INTERFACE. */
const LOADER_GUID = '4a67b082-0a4c-41cf-b6c7-440b29bb8c4f'
const EFIVARS = '/sys/firmware/efi/efivars'
const MENUS = ['/boot/grub/grub.cfg', '/boot/grub2/grub.cfg']
const SETTINGS = '/etc/default/grub'

export async function findBootLoader(host: HostReader): Promise<BootLoader | Diagnostic> {
  try {
    return (await systemdBoot(host)) ?? grubby(host) ?? grub(host) ?? none()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error
    return problems.PMEM_MENU_UNREADABLE.at('', (error as Error).message)
  }
}

function none(): Diagnostic {
  return problems.PMEM_NO_BOOT_LOADER.at(
    '',
    `there is neither ${MENUS.join(' nor ')} with its updater, nor a systemd-boot`,
  )
}

/** A text of the firmware’s variables: four bytes of attributes, then UTF-16. */
export function efiText(host: HostReader, name: string, guid = LOADER_GUID): string | undefined {
  return host.read(`${EFIVARS}/${name}-${guid}`)?.subarray(4).toString('utf16le').replaceAll('\0', '')
}

async function systemdBoot(host: HostReader): Promise<BootLoader | Diagnostic | undefined> {
  const selected = efiText(host, 'LoaderEntrySelected')
  const isStub = efiText(host, 'StubInfo') !== undefined
  if (selected?.endsWith('.efi') || (isStub && selected === undefined))
    return problems.PMEM_UNIFIED_KERNEL.at(
      '',
      `this kernel was started from ${selected ?? 'the firmware'} as one image`,
    )
  if (!efiText(host, 'LoaderInfo')?.startsWith('systemd-boot') || selected === undefined) return undefined
  const { stdout, exitCode } = await host.ask(['bootctl', '--print-boot-path'])
  const folder = exitCode === 0 ? stdout.trim() : '/boot'
  const entries = `${folder}/loader/entries`
  // A counted boot has its count in the name of the file.
  const name = (host.list(entries) ?? []).find(
    (n) => n.replace(/\+\d+(-\d+)?(?=\.conf$)/, '') === selected || n === selected,
  )
  if (name === undefined) return none()
  const release = host.read('/proc/sys/kernel/osrelease')?.toString().trim() ?? ''
  const images = [
    `/boot/vmlinuz-${release}`,
    `/usr/lib/modules/${release}/vmlinuz`,
    `/lib/modules/${release}/vmlinuz`,
  ]
  const image = images.find((path) => host.stat(path))
  const isInstalled = name.includes(release) && release !== '' && findProgram('kernel-install') !== undefined
  return isInstalled && image !== undefined
    ? { kind: 'kernel-install', entries, entry: `${entries}/${name}`, image }
    : { kind: 'systemd-boot', entries, entry: `${entries}/${name}` }
}

function grubby(host: HostReader): BootLoader | undefined {
  const entries = '/boot/loader/entries'
  const isUsed = (host.list(entries) ?? []).some((name) => name.endsWith('.conf'))
  return isUsed && findProgram('grubby') !== undefined ? { kind: 'grubby', entries } : undefined
}

function grub(host: HostReader): BootLoader | undefined {
  const menu = MENUS.find((path) => host.stat(path))
  const update = menu === undefined ? undefined : updaterOf(menu)
  if (menu === undefined || update === undefined || !host.stat(SETTINGS)) return undefined
  host.read(menu)
  const maker = findProgram('grub-mkconfig')
  // Asked of the program itself: only some distributions taught it to read a folder of settings.
  const readsFolder = maker !== undefined && host.read(maker)?.includes('/default/grub.d/') === true
  return readsFolder
    ? { kind: 'grub-drop-in', folder: `${SETTINGS}.d`, menu, update }
    : { kind: 'grub-file', file: SETTINGS, menu, update }
}

function updaterOf(menu: string): readonly string[] | undefined {
  if (menu === MENUS[0] && findProgram('update-grub') !== undefined) return ['update-grub']
  const maker = ['grub-mkconfig', 'grub2-mkconfig'].find((name) => findProgram(name) !== undefined)
  return maker === undefined ? undefined : [maker, '-o', menu]
}
