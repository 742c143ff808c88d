/** The steps that start the kernel with further words, by boot loader; the entry as it was stays bootable. */
import type { HostReader } from '../../steps/host-reader.ts'
import { file } from '../../steps/kinds/file.ts'
import type { Step } from '../../steps/step.ts'
import type { BootLoader } from './boot-loader.ts'
import { bootParameters, FALLBACK_PREFIX } from './boot-parameters.ts'
import { firstEntry, grubSetting, renamedEntry } from './grub-text.ts'
import { fallbackEntry, withOptions } from './loader-entry.ts'

/** Sorted behind the settings that distributions and clouds bring: those may set the variable anew. */
const DROP_IN = '99-bringup-pmem.cfg'
const HEAD = '# Written by bringup pmem. Taken away by: bringup pmem undo\n'
const CMDLINE = '/etc/kernel/cmdline'

export function bootSteps(loader: BootLoader, words: readonly string[], host: HostReader): readonly Step[] {
  switch (loader.kind) {
    case 'grub-drop-in':
      return grubSteps(loader, words, host, {
        path: `${loader.folder}/${DROP_IN}`,
        content: `${HEAD}${grubSetting(words)}`,
        mode: '644',
      })
    case 'grub-file':
      return grubSteps(loader, words, host, appended(loader.file, words, host))
    case 'grubby':
      return entrySteps(loader, words, host)
    case 'kernel-install':
      return kernelInstallSteps(loader, words, host)
    case 'systemd-boot':
      return [...fallbackSteps(loader.entry, host), editedEntry(loader.entry, words, host)]
  }
}

interface Settings {
  readonly path: string
  readonly content: string
  readonly mode: string
}

function grubSteps(
  { menu, update }: { readonly menu: string; readonly update: readonly string[] },
  words: readonly string[],
  host: HostReader,
  settings: Settings,
): readonly Step[] {
  return [
    ...customEntry(menu, host),
    bootParameters.step({
      words: [...words],
      settings,
      update: [...update],
      menu: { kind: 'grub', path: menu },
    }),
  ]
}

/** `custom.cfg` beside the menu is read at every start (`/etc/grub.d/41_custom`). What it has already stays. */
function customEntry(menu: string, host: HostReader): readonly Step[] {
  const entry = firstEntry(readText(host, menu))
  if (!entry || entry.text.includes(HEAD)) return []
  const path = `${menu.slice(0, menu.lastIndexOf('/'))}/custom.cfg`
  const there = readText(host, path)
  if (there.includes(HEAD)) return []
  const separator = there === '' || there.endsWith('\n') ? '' : '\n'
  const content = `${there}${separator}${HEAD}${renamedEntry(entry, `${entry.title} (before bringup)`)}\n`
  return [
    file.step({
      path,
      content,
      mode: modeOf(host, path, '644'),
      asRoot: true,
      why: 'the entry as it was, to fall back on',
    }),
  ]
}

function appended(path: string, words: readonly string[], host: HostReader): Settings {
  const there = readText(host, path)
  const line = grubSetting(words)
  const separator = there === '' || there.endsWith('\n') ? '' : '\n'
  return {
    path,
    content: there.includes(line) ? there : `${there}${separator}${HEAD}${line}`,
    mode: modeOf(host, path, '644'),
  }
}

/** grubby writes entries, GRUB’s environment and the command line of kernels to come. */
function entrySteps(
  { entries }: { readonly entries: string },
  words: readonly string[],
  host: HostReader,
): readonly Step[] {
  const newest = (host.list(entries) ?? [])
    .filter((n) => n.endsWith('.conf') && !n.includes('rescue'))
    .sort()
    .at(-1)
  const entry = `${entries}/${newest ?? ''}`
  return [
    ...fallbackSteps(entry, host),
    bootParameters.step({
      words: [...words],
      update: ['grubby', '--update-kernel=DEFAULT', `--args=${words.join(' ')}`],
      menu: { kind: 'entries', paths: [entries, '/boot/grub2/grubenv', CMDLINE], entry },
    }),
  ]
}

function kernelInstallSteps(
  { entries, entry, image }: Extract<BootLoader, { kind: 'kernel-install' }>,
  words: readonly string[],
  host: HostReader,
): readonly Step[] {
  const release = readText(host, '/proc/sys/kernel/osrelease').trim()
  // Without the file, kernel-install takes the running kernel's command line; the entry has what it was made of.
  const there =
    readText(host, CMDLINE).trim() || /^options[ \t]+(.*)$/m.exec(readText(host, entry))?.[1] || ''
  const missing = words.filter((word) => !there.split(/\s+/).includes(word))
  const content = `${[there.trim(), ...missing].join(' ')}\n`
  return [
    ...fallbackSteps(entry, host),
    bootParameters.step({
      words: [...words],
      settings: { path: CMDLINE, content, mode: modeOf(host, CMDLINE, '644') },
      update: ['kernel-install', 'add', release, image],
      menu: { kind: 'entries', paths: [entries], entry },
    }),
  ]
}

function fallbackSteps(entry: string, host: HostReader): readonly Step[] {
  const text = readText(host, entry)
  if (text === '') return []
  const path = `${entry.slice(0, entry.lastIndexOf('/'))}/${FALLBACK_PREFIX}.conf`
  if (host.stat(path)) return []
  const mode = modeOf(host, entry, '644')
  return [
    file.step({
      path,
      content: fallbackEntry(text),
      mode,
      asRoot: true,
      why: 'the entry as it was, to fall back on',
    }),
  ]
}

function editedEntry(entry: string, words: readonly string[], host: HostReader): Step {
  const text = readText(host, entry)
  const missing = words.filter((word) => !text.includes(` ${word}`))
  const content = missing.length === 0 ? text : withOptions(text, missing)
  return bootParameters.step({
    words: [...words],
    settings: { path: entry, content, mode: modeOf(host, entry, '644') },
    update: [],
    menu: { kind: 'entries', paths: [], entry },
  })
}

function readText(host: HostReader, path: string): string {
  return host.read(path)?.toString() ?? ''
}

/** FAT, where systemd-boot's entries lie, knows no modes: what is there is asked for. */
function modeOf(host: HostReader, path: string, missing: string): string {
  const stats = host.stat(path)
  return stats ? (stats.mode & 0o7777).toString(8) : missing
}
