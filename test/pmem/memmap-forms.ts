/** Forms of `memmap=` and `mem=`, and the map that Linux 6.1 made of each in a guest with 3 GiB. */
import { readFileSync } from 'node:fs'

export interface MemmapForm {
  readonly words: string
  /** Lines of the log; `firmware` where the kernel left the map as it was; `panic` where it refused it. */
  readonly map: readonly string[] | 'firmware' | 'panic'
}

export const RECORDED = JSON.parse(readFileSync(new URL('memmap-forms.json', import.meta.url), 'utf8')) as {
  readonly firmware: readonly string[]
  readonly forms: readonly MemmapForm[]
}
