/** Finds the cause of a failed download in the output of cargo, rustup, npm and pip. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { explainWith, type Meaning } from './managers/explain.ts'

export const problems = defineDiagnostics({
  DOWNLOAD_NO_NETWORK: {
    title: 'A registry or download server is unreachable.',
    why: 'the download failed; nothing was installed',
    remedy: 'fix the network or the proxy settings, then run this again',
  },
  DOWNLOAD_UNKNOWN: {
    title: 'A registry does not have the requested package or version.',
    why: 'the name or the version does not exist there',
    remedy: 'correct the name or the version in the profile’s dependencies',
  },
  DOWNLOAD_NO_SPACE: {
    title: 'The disk is full.',
    why: 'the download could not be unpacked',
    remedy: 'free some space, then run this again',
  },
})

const MEANINGS: readonly Meaning[] = [
  [/No space left on device|ENOSPC/, problems.DOWNLOAD_NO_SPACE],
  [
    /could not find `.*` in registry|npm (ERR!|error) code (E404|ETARGET)|No matching distribution|does not support/,
    problems.DOWNLOAD_UNKNOWN,
  ],
  [
    /Could ?n.t (resolve|connect)|could not download|failed to download|error sending request|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|Failed to establish a new connection|spurious network error/i,
    problems.DOWNLOAD_NO_NETWORK,
  ],
]

/** Pure. Empty for output that is not known. */
export function explainDownload(lines: readonly string[]): readonly Diagnostic[] {
  return explainWith(MEANINGS, lines)
}
