/** Where packages come from: this computer's own apt sources, keys and proxies where they fit, else a mirror. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'

export interface Sources {
  /** In deb822 form (sources.list(5)), as they are used while the image is built. */
  readonly sources: string
  /** Lines of apt.conf(5) for the building: proxies, and what this computer says of dates and retries. */
  readonly options: readonly string[]
  /** Lines of /etc/hosts that name the mirrors and proxies. */
  readonly hosts: readonly string[]
  /** Keys that sources name, by their path. */
  readonly keys: readonly string[]
}

const DEFAULT_MIRROR = 'http://deb.debian.org/debian'
const SECURITY_MIRROR = 'http://deb.debian.org/debian-security'
/** Debian’s own keys, which every Debian system has. */
export const ARCHIVE_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** Options of apt that another computer needs too to reach the same mirrors. */
const CARRIED = /^Acquire::(https?|ftp)::|^Acquire::(Check-Date|Check-Valid-Until|Retries|ForceIPv[46]) /

/** @param root Folder that stands for `/`; other than `/` in tests. */
export async function readSources(
  suite: string,
  mirror: string | undefined,
  signal: AbortSignal,
  root = '/',
): Promise<Sources> {
  const own = mirror === undefined ? ownSources(suite, root) : []
  const sources = own.length > 0 ? own : mirrorSources(suite, mirror ?? DEFAULT_MIRROR)
  const dump = await execa('apt-config', ['dump'], { reject: false, cancelSignal: signal, stdin: 'ignore' })
  const options = dump.failed ? [] : dump.stdout.split('\n').filter((line) => CARRIED.test(line))
  const text = `${sources.join('\n\n')}\n`
  const names = new Set([...`${text}\n${options.join('\n')}`.matchAll(/:\/\/([^/:"\s]+)/g)].map((m) => m[1]))
  const hosts = read(join(root, 'etc/hosts'))
    .split('\n')
    .filter((line) => {
      const [, ...hostNames] = line.replace(/#.*/, '').trim().split(/\s+/)
      return hostNames.some((name) => names.has(name)) && !hostNames.includes('localhost')
    })
  const keys = [...text.matchAll(/^Signed-By:\s*(\/\S+)/gim)].map((m) => m[1] ?? '')
  return { sources: text, options, hosts, keys: [...new Set(keys)] }
}

/** The suite of the system itself, if it is Debian: `bookworm`. */
export function ownSuite(root = '/'): string | undefined {
  const text = read(join(root, 'etc/os-release'))
  return /^ID=debian$/m.test(text) ? /^VERSION_CODENAME=(\S+)$/m.exec(text)?.[1] : undefined
}

/** Address of the host as a guest on QEMU's user network sees it. */
const HOST_FROM_GUEST = '10.0.2.2'

/** What is at home on this computer is somewhere else for the guest. */
export function seenFromGuest(text: string): string {
  return text.replace(/\/\/(?:localhost|127(?:\.\d+){3}|\[::1\])(?=[:/"\s]|$)/g, `//${HOST_FROM_GUEST}`)
}

/** Every source of this computer whose suites are those of the release: `bookworm`, `bookworm-updates`. */
function ownSources(suite: string, root: string): readonly string[] {
  const folder = join(root, 'etc/apt/sources.list.d')
  const names = existsSync(folder) ? readdirSync(folder).sort() : []
  const files = ['etc/apt/sources.list', ...names.map((name) => `etc/apt/sources.list.d/${name}`)]
  return files
    .flatMap((file) => {
      const text = read(join(root, file))
      if (file.endsWith('.sources')) return paragraphs(text)
      return file.endsWith('.list') ? text.split('\n').flatMap(oneLine) : []
    })
    .filter((source) => isOfSuite(source, suite))
}

function paragraphs(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== '' && !/^Enabled:\s*no\b/im.test(paragraph))
}

/** `deb [signed-by=/key arch=amd64] URI SUITE COMPONENT…` as a paragraph. */
function oneLine(line: string): readonly string[] {
  const [, options = '', uri, suite, components] =
    /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line.trim()) ?? []
  if (uri === undefined || suite === undefined) return []
  const key = /signed-by=(\S+)/i.exec(options)?.[1]
  const signedBy = key === undefined ? [] : [`Signed-By: ${key}`]
  const of = components?.trim()
  return [
    [
      'Types: deb',
      `URIs: ${uri}`,
      `Suites: ${suite}`,
      ...(of ? [`Components: ${of}`] : []),
      ...signedBy,
    ].join('\n'),
  ]
}

function isOfSuite(source: string, suite: string): boolean {
  const suites = /^Suites:\s*(.*)$/im.exec(source)?.[1]?.split(/\s+/) ?? []
  const hasBinaries = /^Types:.*\bdeb\b(?!-src)/im.test(source)
  return (
    hasBinaries && suites.every((s) => s === suite || s.startsWith(`${suite}-`) || s.startsWith(`${suite}/`))
  )
}

function mirrorSources(suite: string, mirror: string): readonly string[] {
  const source = (uri: string, suites: string) =>
    [
      'Types: deb',
      `URIs: ${uri}`,
      `Suites: ${suites}`,
      'Components: main',
      ...(existsSync(ARCHIVE_KEYRING) ? [`Signed-By: ${ARCHIVE_KEYRING}`] : []),
    ].join('\n')
  // Testing and unstable have no updates of their own, and a private mirror may have only the release.
  if (mirror !== DEFAULT_MIRROR || /^(sid|unstable|testing)$/.test(suite)) return [source(mirror, suite)]
  return [source(mirror, `${suite} ${suite}-updates`), source(SECURITY_MIRROR, `${suite}-security`)]
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
