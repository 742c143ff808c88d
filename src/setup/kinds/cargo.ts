/** Dependency: a program from crates.io. */
import { findProgram } from '../../host/tools.ts'
import type { CargoDependency } from '../dependency.ts'
import { defineDependency } from '../kind.ts'
import { cargoInstall, installedCrates } from '../steps/cargo-install.ts'
import { versionIn } from '../version.ts'

export const RUSTUP_ADVICE =
  'install rustup first: https://rustup.rs (Debian 13 and Ubuntu 24.04 on have a package rustup)'

export const cargo = defineDependency<CargoDependency>({
  kind: 'cargo',
  title: ({ program, version }) => (version === undefined ? program : `${program} ${version}`),
  async check({ program, crate = program, version }, { host, say }) {
    const path = findProgram(program)
    if (path === undefined) return { state: 'missing' }
    // cargo knows its own; a program from elsewhere says it itself.
    const kept = findProgram('cargo') === undefined ? undefined : (await installedCrates(host)).get(crate)
    const found = kept ?? versionIn(await say(path, ['--version']))
    const fact = { path, ...(found === undefined ? {} : { version: found }) }
    if (version === undefined || found === version) return { state: 'present', ...fact }
    return { state: 'too-old', ...fact, detail: `${version} is needed` }
  },
  fix({ program, crate = program, version }) {
    if (findProgram('cargo') === undefined) return { advice: RUSTUP_ADVICE }
    return { steps: [cargoInstall.step({ crate, ...(version === undefined ? {} : { version }) })] }
  },
})
