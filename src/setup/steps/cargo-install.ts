/** Step: a program from crates.io, by `cargo install --locked`, in this user's cargo folder. Source: cargo-install(1). */
import * as z from 'zod'
import { findProgram } from '../../host/tools.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import { defineStep } from '../../steps/step.ts'
import { explainDownload } from '../explain-download.ts'

const schema = z.object({
  crate: z.string().regex(/^[a-z][\w-]*$/i),
  version: z
    .string()
    .regex(/^\d[\w.+-]*$/)
    .optional(),
})

/** The version that was there; null for none. */
type Before = string | null

export const cargoInstall = defineStep<z.output<typeof schema>, Before>({
  kind: 'cargo.install',
  schema,
  needs: ['network'],
  describe: ({ crate, version }) => `install ${crate}${version === undefined ? '' : ` ${version}`} by cargo`,
  async check({ crate, version }, host) {
    if (findProgram('cargo') === undefined) return { state: 'later', detail: 'once cargo is installed' }
    const was = (await installedCrates(host)).get(crate) ?? null
    if (was !== null && (version === undefined || version === was)) return { state: 'done', detail: was }
    return {
      state: 'change',
      detail: was === null ? 'compiled from source; this takes a while' : `it is ${was}`,
      before: was,
      commands: [{ argv: installArgv(crate, version) }],
    }
  },
  async undo({ crate }, was, host) {
    const now = (await installedCrates(host)).get(crate) ?? null
    if (now === was) return { state: 'done', detail: was ?? 'it is gone' }
    const argv = was === null ? ['cargo', 'uninstall', crate] : installArgv(crate, was)
    return { state: 'change', detail: was === null ? 'remove it' : `back to ${was}`, commands: [{ argv }] }
  },
  explain: async (_params, lines) => explainDownload(lines),
})

function installArgv(crate: string, version: string | undefined): readonly string[] {
  return ['cargo', 'install', '--locked', ...(version === undefined ? [] : ['--version', version]), crate]
}

/** What cargo has installed for this user, with versions. */
export async function installedCrates(host: HostReader): Promise<ReadonlyMap<string, string>> {
  return parseInstalled((await host.ask(['cargo', 'install', '--list'])).stdout)
}

/** `mdbook v0.4.40:`, and below it, indented, its programs. Pure. */
export function parseInstalled(text: string): ReadonlyMap<string, string> {
  const found = [...text.matchAll(/^(\S+) v(\S+?)(?: \(.*\))?:$/gm)]
  return new Map(found.map((m) => [m[1] ?? '', m[2] ?? '']))
}
