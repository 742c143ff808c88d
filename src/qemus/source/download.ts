/** Downloads a file with curl, which knows proxies and certificates of the system; a cut-off download goes on. */
import { existsSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { execa } from 'execa'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { makeFolder } from '../../own-files.ts'
import { startGuard } from '../../processes/guard.ts'
import { diskFull } from '../problems.ts'

export const problems = defineDiagnostics({
  QEMU_DOWNLOAD_FAILED: {
    title: 'A release of QEMU could not be downloaded.',
    why: 'curl could not get it; what has arrived is kept',
    remedy: 'check the network and the proxy settings, then run this again',
  },
  QEMU_RELEASE_UNKNOWN: {
    title: 'A release of QEMU is missing from the download site.',
    why: 'the download site does not have its tarball',
    remedy: 'choose a version from https://download.qemu.org, such as 8.2.0',
  },
})

export interface DownloadRequest {
  readonly url: string
  /** The file; it exists only once it is complete. */
  readonly to: string
  readonly signal: AbortSignal
  readonly onProgress: (bytes: number, total: number | undefined) => void
}

/** How often the size is looked at, for progress displays. */
const LOOK_MS = 500

/** Seconds without a kilobyte a second after which a connection counts as lost. */
const STALLED_S = 60

/** Exit statuses of curl. Source: curl(1). */
const HTTP_ERROR = 22
const WRITE_ERROR = 23
const RANGE_ERROR = 33

/**
 * Goes on with what an earlier call has left in `TO.part`.
 *
 * @returns whether a part of an earlier call is in it, which the caller cannot trust before it has checked the whole
 * @throws BringupError QEMU_DOWNLOAD_FAILED, QEMU_RELEASE_UNKNOWN, QEMU_DISK_FULL
 */
export async function download(request: DownloadRequest): Promise<{ readonly wasResumed: boolean }> {
  const part = `${request.to}.part`
  makeFolder(dirname(request.to))
  const wasResumed = sizeOf(part) > 0
  const first = await curl(request, part)
  const isRefused = first.status === RANGE_ERROR || first.httpCode === '416'
  if (isRefused) rmSync(part, { force: true })
  const end = isRefused ? await curl(request, part) : first
  if (end.status !== 0) throw explain(request, end)
  renameSync(part, request.to)
  return { wasResumed: wasResumed && !isRefused }
}

interface CurlEnd {
  /** Null when it could not be started or a signal ended it. */
  readonly status: number | null
  readonly httpCode: string
  readonly words: string
}

async function curl({ url, signal, onProgress }: DownloadRequest, part: string): Promise<CurlEnd> {
  const headers = `${part}.headers`
  const had = sizeOf(part)
  const look = () => onProgress(sizeOf(part), totalIn(headers, had))
  const timer = setInterval(look, LOOK_MS).unref()
  using guard = startGuard({ graceMs: 0 })
  try {
    const result = await execa('curl', words(url, part, headers), {
      env: { LC_ALL: 'C', ...guard.environment },
      reject: false,
      cancelSignal: signal,
      stdin: 'ignore',
    })
    signal.throwIfAborted()
    return {
      status: result.exitCode ?? null,
      httpCode: result.stdout,
      words: result.stderr || (result.message ?? ''),
    }
  } finally {
    clearInterval(timer)
    look()
    rmSync(headers, { force: true })
  }
}

const words = (url: string, part: string, headers: string) => [
  // The user's own ~/.curlrc could write elsewhere.
  '--disable',
  '--fail',
  '--location',
  '--silent',
  '--show-error',
  ...['--proto', '=http,https'],
  ...['--proto-redir', url.startsWith('https:') ? '=https' : '=http,https'],
  ...['--retry', '3'],
  ...['--speed-limit', '1000', '--speed-time', `${STALLED_S}`],
  ...['--continue-at', '-'],
  ...['--dump-header', headers],
  ...['--write-out', '%{http_code}'],
  ...['--output', part],
  '--',
  url,
]

/** The header block of a redirect comes before that of the file. */
function totalIn(headers: string, had: number): number | undefined {
  if (!existsSync(headers)) return undefined
  const length = [...readFileSync(headers, 'latin1').matchAll(/^content-length:\s*(\d+)/gim)].at(-1)?.[1]
  return length === undefined ? undefined : had + Number(length)
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0

function explain({ url }: DownloadRequest, { status, httpCode, words: said }: CurlEnd): BringupError {
  const evidence = said.split('\n').filter(Boolean)
  if (status === HTTP_ERROR && (httpCode === '404' || httpCode === '410'))
    return new BringupError([problems.QEMU_RELEASE_UNKNOWN.at('', `${url}: not found`, { evidence })])
  if (status === WRITE_ERROR) return diskFull(url, evidence)
  const how = status === null ? 'curl could not be run' : `curl ended with code ${status}`
  return new BringupError([problems.QEMU_DOWNLOAD_FAILED.at('', `${url}: ${how}`, { evidence })])
}
