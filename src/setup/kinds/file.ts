/** Dependency: a file that has to be somewhere, such as firmware. */
import type { FileDependency } from '../dependency.ts'
import { defineDependency } from '../kind.ts'
import { fixByPackage } from './packages.ts'

export const file = defineDependency<FileDependency>({
  kind: 'file',
  title: ({ paths }) => paths[0],
  async check({ paths }, { host }) {
    const path = paths.find((p) => host.stat(p) !== undefined)
    return path === undefined ? { state: 'missing' } : { state: 'present', path }
  },
  fix: ({ packages }, context) => fixByPackage(packages, context),
})
