/** Dependency: a program from the npm registry. */
import { findProgram, userTools } from '../../host/tools.ts'
import type { NpmDependency } from '../dependency.ts'
import { defineDependency } from '../kind.ts'
import { npmInstall } from '../steps/npm-install.ts'
import { versionIn } from '../version.ts'

export const npm = defineDependency<NpmDependency>({
  kind: 'npm',
  title: ({ program, version }) => (version === undefined ? program : `${program} ${version}`),
  async check({ program, version }, { say }) {
    const path = findProgram(program)
    if (path === undefined) return { state: 'missing' }
    const found = versionIn(await say(path, ['--version']))
    const fact = { path, ...(found === undefined ? {} : { version: found }) }
    if (version === undefined || found === version) return { state: 'present', ...fact }
    return { state: 'too-old', ...fact, detail: `${version} is needed` }
  },
  fix: ({ program, package: name = program, version }) => ({
    steps: [
      npmInstall.step({
        package: name,
        prefix: userTools().npm,
        ...(version === undefined ? {} : { version }),
      }),
    ],
  }),
})
