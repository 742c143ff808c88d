/** What the last words of cargo, rustup, npm and pip mean when something could not be fetched. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { explainWith, type Meaning } from './managers/explain.ts'

export const problems = defineDiagnostics({
  DOWNLOAD_NO_NETWORK: {
    title: 'A registry or download server cannot be reached.',
    why: 'what was to be installed could not be fetched; nothing was installed',
    remedy: 'mend the network or the proxy settings, then run this again',
  },
  DOWNLOAD_UNKNOWN: {
    title: 'A registry does not have what was asked for.',
    why: 'the name or the version is not there',
    remedy: 'correct the name or the version in the profile’s dependencies',
  },
  DOWNLOAD_NO_SPACE: {
    title: 'The disk is full.',
    why: 'what was fetched could not be unpacked',
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

/** Pure. Empty when nothing of it is known. */
export function explainDownload(lines: readonly string[]): readonly Diagnostic[] {
  return explainWith(MEANINGS, lines)
}
