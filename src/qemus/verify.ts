/** Compares an installed QEMU with what was installed, and reads its features again over QMP. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { QemuCapabilities } from '../machine/facts.ts'
import { startGuard } from '../processes/guard.ts'
import { readCapabilities } from '../qemu/capabilities.ts'
import { quoteCommand } from '../quote.ts'
import { digestsOf } from './digests.ts'
import { programOf } from './installed.ts'
import { type InstalledQemu, type QemuRecord, RECORD, startOf } from './record.ts'
import { wishWords } from './source/configure-words.ts'
import { DEFAULT_SITE } from './source/release.ts'

export const problems = defineDiagnostics({
  QEMU_FILES_CHANGED: {
    title: 'Files of an installed QEMU differ from what was installed.',
    why: 'the digests were written down when it was installed',
    remedy: 'install it again: `bringup qemu install … --replace`',
  },
  QEMU_FEATURES_CHANGED: {
    title: 'An installed QEMU has other features than when it was installed.',
    why: 'it uses libraries of the system, which may have changed since',
    remedy: 'install it again: `bringup qemu install … --replace`',
  },
})

/**
 * Runs `work` with a cache folder of its own, because capabilities in the user's cache may be those of an earlier state.
 * A guard removes it when this process is killed.
 */
export async function withFreshCache<T>(work: (cacheFolder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-verify-'))
  using _ = startGuard({ graceMs: 0, remove: folder })
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @returns what is wrong; empty for nothing */
export async function verifyQemu(
  qemu: InstalledQemu,
  { cacheFolder, signal }: { readonly cacheFolder: string; readonly signal?: AbortSignal },
): Promise<readonly Diagnostic[]> {
  const { folder, record, name } = qemu
  const now = await digestsOf(folder, { except: [RECORD], ...(signal ? { signal } : {}) })
  const changed = [
    ...Object.entries(record.files).flatMap(([path, digest]) =>
      now[path] === undefined ? [`missing: ${path}`] : now[path] === digest ? [] : [`changed: ${path}`],
    ),
    ...Object.keys(now).flatMap((path) => (record.files[path] === undefined ? [`added: ${path}`] : [])),
  ]
  const again = `install it again: \`${commandOf(qemu)}\``
  const files =
    changed.length === 0
      ? []
      : [
          problems.QEMU_FILES_CHANGED.at('', `${name}: ${changed.length} of its files differ`, {
            evidence: changed.slice(0, 20),
            remedy: again,
          }),
        ]
  return [...files, ...(await featuresChanged(qemu, again, { cacheFolder, ...(signal ? { signal } : {}) }))]
}

async function featuresChanged(
  qemu: InstalledQemu,
  remedy: string,
  { cacheFolder, signal }: { readonly cacheFolder: string; readonly signal?: AbortSignal },
): Promise<readonly Diagnostic[]> {
  const [arch] = Object.keys(qemu.record.programs)
  const path = arch === undefined ? undefined : programOf(qemu, arch)
  if (arch === undefined || path === undefined) return []
  let found: QemuCapabilities
  try {
    found = await readCapabilities({ path, starting: startOf(qemu) }, arch, cacheFolder, signal)
  } catch (error) {
    if (error instanceof BringupError) return error.diagnostics.map((d) => ({ ...d, remedy }))
    // A missing binary is among the changed files.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  const lost = qemu.record.features.filter((name) => !found.features.includes(name))
  return lost.length === 0
    ? []
    : [problems.QEMU_FEATURES_CHANGED.at('', `${qemu.name} lacks ${lost.join(', ')}`, { remedy })]
}

/** `apt-source SUITE VERSION`, a URL of a release, or a path. */
function sourceWords({ source, configure, isDebug }: Extract<QemuRecord['from'], { kind: 'source' }>) {
  const [, suite] = /^apt-source (\S+)/.exec(source) ?? []
  const site = /^(https?:.*)\/[^/]*$/.exec(source)?.[1]
  const mirror = site === undefined || site === DEFAULT_SITE ? [] : ['--mirror', site]
  const from = suite ? ['apt-source', '--suite', suite] : site ? ['source', ...mirror] : [source]
  return ['--from', ...from, ...wishWords(configure), ...(isDebug ? ['--debug'] : [])]
}

/** Installs the same again. Pure. */
export function commandOf({
  name,
  record: { version, from },
}: Pick<InstalledQemu, 'name' | 'record'>): string {
  const words = from.kind === 'packages' ? ['--from', 'packages', '--suite', from.suite] : sourceWords(from)
  return quoteCommand(['bringup', 'qemu', 'install', version, ...words, '--name', name, '--replace']).join(
    ' ',
  )
}
