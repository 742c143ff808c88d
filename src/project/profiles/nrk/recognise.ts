/** Whether a folder is an nrk source tree, for `bringup init`. */
import type { ConfigSketch, SourceTree } from '../../recognise/tree.ts'
import { TARGETS } from './layout.ts'

/** No other tree has the target files of its boot loader and of its kernel where nrk has them. */
export function recogniseNrk(tree: SourceTree): ConfigSketch | undefined {
  const { bootLoader, kernel } = TARGETS
  const marks = [bootLoader, kernel].map(({ folder, name }) => `${folder}/${name}.json`)
  if (!marks.every(tree.has)) return undefined
  return {
    what: 'source tree of nrk, the node-replicated kernel',
    because: marks.join(' and '),
    entries: [
      { key: 'profile', value: 'nrk' },
      {
        key: 'build',
        value: { modules: ['init'] },
        comment: ['What `bringup build --help` lists: features, modules, release; flags win over these.'],
      },
      {
        key: 'machines',
        value: {
          default: { cpu: { count: 2 }, memory: '1G', devices: [{ kind: 'nic', id: 'n1', model: 'e1000' }] },
          numa: {
            cpu: { count: 4 },
            memory: '2G',
            numa: 2,
            devices: [
              { kind: 'nic', id: 'n1', model: 'e1000' },
              { kind: 'nvdimm', id: 'pm0', size: '256M', node: 0 },
              { kind: 'nvdimm', id: 'pm1', size: '256M', node: 1 },
            ],
          },
        },
        comment: ['Machines to boot it on: `bringup run`, `bringup run --machine numa`.'],
      },
    ],
    ...(tree.has('lib/node-replication/nr')
      ? {}
      : {
          remarks: [
            'lib/node-replication is empty: run `git submodule update --init --recursive` here to get the submodules; where SSH does not work, `bringup checkout nrk FOLDER` clones them by HTTPS',
          ],
        }),
  }
}
