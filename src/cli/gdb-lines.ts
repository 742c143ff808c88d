/** What a person pastes into another terminal to debug the guest. */
import type { Guest } from '../guest/guest.ts'
import { quoteCommand } from '../quote.ts'
import type { Output } from './output.ts'

/** Nothing where the guest has no server for gdb. */
export function sayGdb({ gdb }: Pick<Guest, 'gdb'>, { note, errorColors: colors }: Output): void {
  if (!gdb) return
  const state = gdb.isStopped
    ? 'stopped at the first instruction; `continue` in gdb starts the guest'
    : 'the guest runs, and gdb can connect'
  note(`${state}. In another terminal:`)
  note(`  ${colors.bold(quoteCommand(gdb.command).join(' '))}`)
  if (gdb.symbols === undefined) note(colors.dim('  (no file with the kernel’s symbols is known)'))
}
