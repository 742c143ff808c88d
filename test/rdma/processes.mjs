/** Processes of the guest that stands for a computer. */
import { readdirSync, readFileSync } from 'node:fs'

export const MULTIPLEXER = '/usr/bin/rdmacm-mux'

/** Process numbers of all multiplexers. */
export function multiplexers() {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/comm`, 'utf8') === 'rdmacm-mux\n'
    } catch {
      return false
    }
  })
}
