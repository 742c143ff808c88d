/** The console log of a restored guest: first what was printed before the guest was saved, then what this run's guest printed. */

/** The line between both. */
export const RESTORED = '[bringup] restored: the text above was printed before the guest was saved'

/** What this run's guest printed; all of the log if it booted. */
export function sinceRestored(log: string): string {
  const at = `\n${log}`.indexOf(`\n${RESTORED}\n`)
  return at < 0 ? log : log.slice(at + RESTORED.length + 1)
}
