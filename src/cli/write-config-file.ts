/** Writes a config file whole, beside which the one that was there is kept. */
import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { partialName } from '../own-files.ts'

export const problems = defineDiagnostics({
  CONFIG_NOT_WRITTEN: {
    title: 'The config file could not be written.',
    why: 'it belongs in the folder of the source tree',
    remedy: 'let this user write there, or keep the config elsewhere and name it with --project',
  },
})

/**
 * @param there the config that is replaced, which becomes `….old`
 * @throws BringupError CONFIG_NOT_WRITTEN
 */
export function writeConfig(file: string, content: string, there: string | undefined): void {
  const partial = partialName(file)
  try {
    // A full disk leaves what was there, and no empty config.
    writeFileSync(partial, content, { flag: 'wx' })
    if (there !== undefined) renameSync(there, `${there}.old`)
    linkSync(partial, file)
  } catch (cause) {
    throw new BringupError([problems.CONFIG_NOT_WRITTEN.at('', (cause as Error).message)], { cause })
  } finally {
    rmSync(partial, { force: true })
  }
}
