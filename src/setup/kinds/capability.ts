/** Dependency: rights of a program without being root. Source: capabilities(7). */
import { findProgram } from '../../host/tools.ts'
import type { CapabilityDependency } from '../dependency.ts'
import { defineDependency } from '../kind.ts'
import { capabilitiesOf, has, setcap } from '../steps/setcap.ts'
import { packageOf } from './packages.ts'

/** Of getcap and setcap. */
const TOOLS = {
  debian: 'libcap2-bin',
  fedora: 'libcap',
  arch: 'libcap',
  suse: 'libcap-progs',
  alpine: 'libcap-utils',
}

export const capability = defineDependency<CapabilityDependency>({
  kind: 'capability',
  title: ({ program, capabilities }) => `${program} with ${capabilities.join(', ')}`,
  async check({ program, capabilities }, { host }) {
    const path = findProgram(program)
    if (path === undefined) return { state: 'missing', detail: `${program} is not here` }
    const now = await capabilitiesOf(path, host)
    if (has(now, capabilities)) return { state: 'present', path, detail: now }
    return { state: 'missing', path, detail: now === '' ? 'it has none' : `it has ${now}` }
  },
  fix({ program, capabilities, packages }, context) {
    const own = findProgram(program) === undefined ? packageOf(packages, context) : undefined
    const tools = findProgram('setcap') === undefined ? packageOf(TOOLS, context) : undefined
    return {
      packages: [own, tools].filter((names) => names !== undefined),
      steps: [setcap.step({ program, capabilities: [...capabilities] as [string, ...string[]] })],
    }
  },
})
