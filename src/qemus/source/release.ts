/** Releases of QEMU: which there are, and their tarballs with checked signatures. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { BringupError } from '../../diagnostics.ts'
import { withLock } from '../../processes/file-lock.ts'
import { formatRoundBytes } from '../../units.ts'
import { compareVersions } from '../installed.ts'
import { toolMissing } from '../run-tool.ts'
import { download, problems as downloadProblems } from './download.ts'
import { checkSignature, RELEASE_KEYS, type ReleaseKeys } from './signature.ts'

/** Where releases are downloaded. */
export interface ReleaseSite {
  readonly urlOf: (version: string) => string
  /** Page that names all releases. */
  readonly index: string
  readonly keys: ReleaseKeys
}

/** The download site of QEMU. */
export const DEFAULT_SITE = 'https://download.qemu.org'

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

/**
 * `8.2` is the newest 8.2.x of the index. `8.2.1` is itself.
 *
 * @throws BringupError QEMU_TOOL_MISSING, QEMU_DOWNLOAD_FAILED, QEMU_RELEASE_UNKNOWN
 */
export async function newestRelease(spec: string, { site, signal }: ReleaseContext): Promise<string> {
  if (spec.split('.').length > 2) return spec
  const { stdout, stderr, failed, code } = await execa(
    'curl',
    ['--disable', '--fail', '--location', '--silent', '--show-error', '--max-time', '30', '--', site.index],
    { env: { LC_ALL: 'C' }, reject: false, cancelSignal: signal, stdin: 'ignore' },
  )
  signal.throwIfAborted()
  if (code === 'ENOENT') throw toolMissing('curl', 'curl downloads releases of QEMU')
  const evidence = stderr.split('\n').filter(Boolean)
  if (failed) {
    const remedy = `check the network and the proxy settings, or name the whole version: ${spec}.0`
    throw new BringupError([
      downloadProblems.QEMU_DOWNLOAD_FAILED.at('', `${site.index} cannot be read`, { evidence, remedy }),
    ])
  }
  const newest = newestIn(stdout, spec)
  if (newest !== undefined) return newest
  throw new BringupError([downloadProblems.QEMU_RELEASE_UNKNOWN.at('', `${site.index} lists no ${spec}`)])
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
 * @throws BringupError QEMU_SIGNATURE_WRONG, QEMU_TOOL_MISSING, and what `download` throws
 */
export async function downloadRelease(
  version: string,
  folder: string,
  context: ReleaseContext,
): Promise<{ readonly file: string; readonly signedBy: string }> {
  const file = join(folder, `qemu-${version}.tar.xz`)
  // Two downloads would write to the same part.
  return withLock(`${file}.lock`, () => downloadChecked(version, file, context), context.signal)
}

async function downloadChecked(
  version: string,
  file: string,
  { site, signal, progress }: ReleaseContext,
): Promise<{ readonly file: string; readonly signedBy: string }> {
  const url = site.urlOf(version)
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
    if (!isForged(error)) throw error
    forget()
    if (!wasResumed) throw error
  }
  // What was kept of an earlier download may have been of another file: once more from the start.
  await fetchBoth()
  try {
    return { file, signedBy: await check() }
  } catch (error) {
    if (isForged(error)) forget()
    throw error
  }
}

/** Only what gpgv has judged is deleted. */
const isForged = (error: unknown) => error instanceof BringupError && error.code === 'QEMU_SIGNATURE_WRONG'

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
