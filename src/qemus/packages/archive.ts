/**
 * The archive that this computer installs from, and the other suites in it that have a QEMU. Read from the host's own
 * sources: sources.list(5), both forms.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import satisfies from 'semver/functions/satisfies.js'

export interface Archive {
  readonly distribution: Distribution
  readonly codename: string
  readonly mirror: string
  readonly components: readonly string[]
  /** What checks its signatures; absent where apt's own trusted keys do. */
  readonly keyring?: string
}

export type Distribution = 'debian' | 'ubuntu'

/**
 * Suites with different QEMUs, newest first, and the version that each had in 2026: what a suite has is read from it, the
 * numbers only say where to look first. A suite that an archive does not have is passed over.
 */
const SUITES: Readonly<Record<Distribution, readonly (readonly [suite: string, had: string])[]>> = {
  debian: [
    ['sid', '11.1.0'],
    ['forky', '11.1.0'],
    ['trixie-backports', '10.2.0'],
    ['trixie', '10.0.13'],
    ['bookworm-backports', '10.0.2'],
    ['bookworm', '7.2.22'],
    ['bullseye-backports', '7.2.0'],
    ['bullseye', '5.2.0'],
  ],
  ubuntu: [
    ['resolute', '10.2.0'],
    ['questing', '10.1.0'],
    ['plucky', '9.2.0'],
    ['noble', '8.2.0'],
    ['jammy', '6.2.0'],
  ],
}

const USUAL: Readonly<Record<Distribution, Pick<Archive, 'mirror' | 'components'> & { keyring: string }>> = {
  debian: {
    mirror: 'http://deb.debian.org/debian',
    components: ['main'],
    keyring: '/usr/share/keyrings/debian-archive-keyring.gpg',
  },
  ubuntu: {
    mirror: 'http://archive.ubuntu.com/ubuntu',
    components: ['main', 'universe'],
    keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg',
  },
}

interface Entry {
  readonly uris: readonly string[]
  readonly suites: readonly string[]
  readonly signedBy?: string
}

/**
 * @param root Folder that stands for `/`; other than `/` in tests
 * @returns undefined where the distribution is neither Debian nor Ubuntu
 */
export function readArchive(id: string, codename: string, root = '/'): Archive | undefined {
  if (id !== 'debian' && id !== 'ubuntu') return undefined
  const usual = USUAL[id]
  const entry = entriesIn(root).find((e) => e.suites.includes(codename) && e.uris.length > 0)
  const named = entry?.signedBy
  const keyring = [named, usual.keyring].find((path) => path?.startsWith('/') && existsSync(join(root, path)))
  return {
    distribution: id,
    codename,
    mirror: (entry?.uris[0] ?? usual.mirror).replace(/\/$/, ''),
    components: usual.components,
    ...(keyring === undefined ? {} : { keyring }),
  }
}

/**
 * In which order they are searched for a version: those first that had it; among them the host's own and its backports,
 * whose libraries are here, then from the newest on. Pure.
 */
export function suitesOf({ distribution, codename }: Archive, range: string): readonly string[] {
  const all = SUITES[distribution]
  const isOwn = (suite: string) => suite === codename || suite === `${codename}-backports`
  const rank = ([suite, had]: readonly [string, string]) =>
    (satisfies(had, range) ? 0 : 2) + (isOwn(suite) ? 0 : 1)
  return [...all].sort((a, b) => rank(a) - rank(b)).map(([suite]) => suite)
}

/** `1:10.0.13+ds-0+deb13u1` is QEMU 10.0.13. Pure. */
export function upstreamOf(version: string): string {
  return /^(?:\d+:)?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? version
}

/** Lines of a sources.list that apt reads for one suite, with what it depends on: backports need the suite itself. Pure. */
export function sourcesFor(
  { distribution, mirror, components, keyring }: Archive,
  suite: string,
): readonly string[] {
  const base = suite.replace(/-backports$/, '')
  const extra =
    distribution === 'ubuntu' && !base.includes('-') ? [`${base}-updates`, `${base}-security`] : []
  const options = keyring === undefined ? '' : `[signed-by=${keyring}] `
  const all = [...new Set([suite, base, ...extra])]
  return all.map((name) => `deb ${options}${mirror} ${name} ${components.join(' ')}`)
}

function entriesIn(root: string): readonly Entry[] {
  const folder = join(root, 'etc/apt/sources.list.d')
  const names = existsSync(folder) ? readdirSync(folder).sort() : []
  return [join(root, 'etc/apt/sources.list'), ...names.map((name) => join(folder, name))].flatMap((path) => {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    if (path.endsWith('.sources')) return parseDeb822(text)
    return path.endsWith('.list') ? parseLines(text) : []
  })
}

/** Stanzas of `Key: values`. Pure. */
export function parseDeb822(text: string): readonly Entry[] {
  const plain = text.replace(/^#.*\n?/gm, '')
  return plain.split(/\n\s*\n/).flatMap((stanza) => {
    const values = new Map(
      [...stanza.matchAll(/^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t]+.*)*)/gm)].map(
        ([, key = '', value = '']) => [key.toLowerCase(), value.trim()] as const,
      ),
    )
    const words = (key: string) => values.get(key)?.split(/\s+/).filter(Boolean) ?? []
    if (!words('types').includes('deb') || values.get('enabled') === 'no') return []
    return entry(words('uris'), words('suites'), values.get('signed-by'))
  })
}

/** `deb [signed-by=…] URI suite component…`. Pure. */
export function parseLines(text: string): readonly Entry[] {
  return text.split('\n').flatMap((line) => {
    const [, options = '', uri = '', suite = ''] =
      /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/.exec(line) ?? []
    return uri === '' ? [] : entry([uri], [suite], /\bsigned-by=(\S+)/.exec(options)?.[1])
  })
}

const entry = (uris: readonly string[], suites: readonly string[], signedBy: string | undefined) => {
  const plain = uris.filter((uri) => /^(https?|file|copy|mirror\+https?):/.test(uri))
  return [{ uris: plain, suites, ...(signedBy === undefined ? {} : { signedBy }) }]
}
