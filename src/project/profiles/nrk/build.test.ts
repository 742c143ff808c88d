import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { BuildAction } from '../../../build/graph.ts'
import { resolveBuildOptions } from '../../../build/options.ts'
import type { BringupError } from '../../../diagnostics.ts'
import type { MachineInput } from '../../../machine/machine.ts'
import { nrkGraph } from './build.ts'
import { BUILD_OPTIONS } from './build-options.ts'

const TREE = fileURLToPath(new URL('../../../../test/fixtures/nrk-tree', import.meta.url))

function graph(options: Readonly<Record<string, unknown>>, machine: MachineInput = {}, isVerbose = false) {
  const context = {
    machine,
    machineName: 'default',
    projectFolder: TREE,
    buildFolder: '.bringup/build',
    options: resolveBuildOptions(BUILD_OPTIONS, { from: '--', values: options }),
    jobs: 2,
    isVerbose,
    command: [],
  }
  return nrkGraph(context, { standardLibrary: 'build' })
}

/** One line a word that matters, with the tree's folder left out, so that the golden files can be read and compared. */
function lines(action: BuildAction): readonly string[] {
  if (action.kind === 'tree') {
    const files = Object.entries(action.files).map(([path, source]) =>
      'content' in source ? `${path}:\n${source.content}` : `${path} <- ${source.from}`,
    )
    return [`ESP ${action.to.replace(/[0-9a-f]{16}$/, '…')}`, ...files]
  }
  if (action.kind !== 'command') throw new Error(action.kind)
  const env = Object.entries(action.env ?? {}).map(([name, value]) => {
    const path = value?.startsWith(TREE) ? relative(TREE, value) : value
    return `${name}=${path}`
  })
  return [`cd ${action.cwd}`, ...env, action.argv.join(' ')]
}

const golden = (graphOf: ReturnType<typeof graph>) =>
  graphOf.targets.flatMap((t) => [`# ${t.id}`, ...t.actions.flatMap(lines), '']).join('\n')

const NIC = { kind: 'nic', id: 'n1' } as const

test.each([
  ['plain', graph({})],
  ['release', graph({ release: true }, {}, true)],
  ['kernel-features', graph({ kernelFeatures: ['integration-test,smoke'], noDefaultKernelFeatures: true })],
  [
    'redis',
    graph({
      cmd: "log=info init=redis.bin initargs='a b'",
      modules: ['rkapps init'],
      userFeatures: ['rkapps:redis', 'init:test-print'],
    }),
  ],
  ['features-for-all', graph({ userFeatures: ['fxmark'], modules: ['init'], machineId: '3', cmd: 'x' })],
  ['virtio', graph({}, { devices: [NIC] })],
  ['e1000', graph({}, { devices: [{ ...NIC, model: 'e1000' }] })],
])('cargo calls, environment, ESP, command line and iPXE script: %s', async (name, graphOf) => {
  await expect(golden(graphOf)).toMatchFileSnapshot(`../../../../test/fixtures/nrk-golden/${name}.txt`)
})

test('what is wrong is told at once', () => {
  const wrong = { modules: ['int', 'rkapps'], userFeatures: ['nothere:x', 'rkapps:nginxx'] }
  expect.assertions(2)
  try {
    graph(wrong)
  } catch (error) {
    const { diagnostics } = error as BringupError
    expect(diagnostics.map((d) => d.code)).toEqual([
      'NRK_MODULE_MISSING',
      'NRK_FEATURE_WITHOUT_MODULE',
      'NRK_RUMP_FEATURE_MISSING',
    ])
    expect(diagnostics[0]?.remedy).toContain('did you mean "init"?')
  }
})

test('another command line is another folder, so that parallel machines do not interfere', () => {
  const folder = (cmd: string) => graph({ cmd }).targets.at(-1)?.actions[0]
  expect(folder('a')).not.toEqual(folder('b'))
  expect(folder('a')).toEqual(folder('a'))
})
