/** Releases of QEMU: which there are, and their tarballs with checked signatures. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { BringupError } from '../../diagnostics.ts'
import { formatRoundBytes } from '../../units.ts'
import { compareVersions } from '../installed.ts'
import { download } from './download.ts'
import { checkSignature, RELEASE_KEYS, type ReleaseKeys } from './signature.ts'

/** Where releases are downloaded. */
export interface ReleaseSite {
  readonly urlOf: (version: string) => string
  /** Page that names all releases. */
  readonly index: string
  readonly keys: ReleaseKeys
}

const DEFAULT_SITE = 'https://download.qemu.org'

/** The download site of QEMU, or a mirror of it: its content counts only with QEMU's signatures. */
export function releaseSite(base: string = DEFAULT_SITE, keys: ReleaseKeys = RELEASE_KEYS): ReleaseSite {
  const root = base.replace(/\/+$/, '')
  return { urlOf: (version) => `${root}/qemu-${version}.tar.xz`, index: `${root}/`, keys }
}

interface ReleaseContext {
  readonly site: ReleaseSite
  readonly signal: AbortSignal
  readonly progress: (what: string) => void
}

/** `8.2` is the newest 8.2.x of the index; 8.2.0 where the index cannot be read. `8.2.1` is itself. */
export async function newestRelease(spec: string, { site, signal }: ReleaseContext): Promise<string> {
  if (spec.split('.').length > 2 || spec.includes('-')) return spec
  const { stdout, failed } = await execa(
    'curl',
    ['--disable', '--fail', '--location', '--silent', '--max-time', '30', '--', site.index],
    { env: { LC_ALL: 'C' }, reject: false, cancelSignal: signal, stdin: 'ignore' },
  )
  signal.throwIfAborted()
  return (failed ? undefined : newestIn(stdout, spec)) ?? `${spec}.0`
}

/** The newest release of a series that a page links to. Pure. */
export function newestIn(page: string, series: string): string | undefined {
  return [...page.matchAll(/qemu-(\d+\.\d+\.\d+)\.tar\.xz(?!\.)/g)]
    .map((m) => m[1] ?? '')
    .filter((version) => version.startsWith(`${series}.`))
    .toSorted(compareVersions)
    .at(-1)
}

/**
 * Downloads a release and checks its signature. A complete download is kept and only checked.
 *
 * @throws BringupError QEMU_SIGNATURE_WRONG, and what `download` throws
 */
export async function downloadRelease(
  version: string,
  folder: string,
  context: ReleaseContext,
): Promise<{ readonly file: string; readonly signedBy: string }> {
  const { site, signal, progress } = context
  const url = site.urlOf(version)
  const file = join(folder, `qemu-${version}.tar.xz`)
  const signature = `${file}.sig`
  const quiet = { signal, onProgress: () => {} }
  const fetchBoth = async () => {
    if (!existsSync(signature)) await download({ url: `${url}.sig`, to: signature, ...quiet })
    if (existsSync(file)) return { wasResumed: true }
    progress(`downloading ${url}`)
    return download({ url, to: file, signal, onProgress: sayShare(url, progress) })
  }
  const check = () => checkSignature({ file, signature, keys: site.keys, signal })
  const forget = () => {
    for (const path of [file, signature]) rmSync(path, { force: true })
  }
  const { wasResumed } = await fetchBoth()
  try {
    return { file, signedBy: await check() }
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    forget()
    if (!wasResumed) throw error
  }
  // What was kept of an earlier download may have been of another file: once more from the start.
  await fetchBoth()
  try {
    return { file, signedBy: await check() }
  } catch (error) {
    if (error instanceof BringupError) forget()
    throw error
  }
}

/** Every tenth part once. */
function sayShare(url: string, progress: (what: string) => void) {
  let said = 0
  return (bytes: number, total: number | undefined) => {
    if (total === undefined) return
    const tenth = Math.floor((10 * bytes) / Math.max(total, 1))
    if (tenth <= said || tenth >= 10) return
    said = tenth
    progress(`downloading ${url}: ${10 * tenth} % of ${formatRoundBytes(total)}`)
  }
}
