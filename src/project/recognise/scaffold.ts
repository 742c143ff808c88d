/** The files of a new project: a config, one test, what runs it. Pure. */
import type { SourceTree } from './tree.ts'

export interface ScaffoldFile {
  readonly path: string
  readonly content: string
}

/** Names that say nothing of a folder. */
const NEUTRAL =
  /^(\..*|node_modules|package(-lock)?\.json|pnpm-lock\.yaml|yarn\.lock|README.*|LICEN[SC]E.*|readme.*)$/

/** Whether a folder has no sources yet. */
export const isEmptyTree = (tree: SourceTree): boolean => tree.list().every((name) => NEUTRAL.test(name))

const CONFIG = `import { defineConfig } from 'bringup'

// The machines of this project. Written by \`bringup init\`; it is yours to change.
export default defineConfig({
  // The bundled kernel, which reports the hardware that it finds. For a kernel of your own, in place of this:
  //   kernel: { build: ['make'], image: 'build/kernel.elf' },
  profile: 'probe',
  machines: {
    // The hardware: NUMA nodes, NVDIMMs, disks, network cards; see \`bringup plan\`.
    default: {
      cpu: 2,
      memory: '512M',
      numa: 2,
      devices: [{ kind: 'nvdimm', id: 'pm0', size: '16M', node: 1 }],
    },
  },
})
`

const TEST = `import { expect, test } from 'bringup/test'

// The guest boots when a test first uses it, and ends with the test.
test('the guest sees the machine that the config describes', async ({ guest }) => {
  await expect(guest).toSeeItsMachine()
  await expect(guest).toSeeDevice('nvdimm', { node: 1 })
})
`

const VITEST = `import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // A guest boots in a second with KVM; without it, and on a busy computer, it takes longer.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
`

const IGNORED = ['node_modules/', '.bringup/']

const SCRIPTS = { test: 'vitest run', start: 'bringup run', setup: 'bringup setup' }

/** Files that are not there yet, and those that get a line more. What is there stays. */
export function scaffold(tree: SourceTree): readonly ScaffoldFile[] {
  const hasVitest = tree.list().some((name) => /^(vitest|vite)\.config\.[mc]?[jt]s$/.test(name))
  return [
    { path: 'bringup.config.ts', content: CONFIG },
    ...(tree.has('tests/machine.test.ts') ? [] : [{ path: 'tests/machine.test.ts', content: TEST }]),
    ...(hasVitest ? [] : [{ path: 'vitest.config.ts', content: VITEST }]),
    ...withLines(tree.read('.gitignore')),
    ...withScripts(tree),
  ]
}

function withLines(before: string | undefined): readonly ScaffoldFile[] {
  const lines = before?.split('\n').map((line) => line.trim().replace(/^\//, '').replace(/\/?$/, '/')) ?? []
  const missing = IGNORED.filter((line) => !lines.includes(line))
  if (missing.length === 0) return []
  const start = before === undefined || before === '' ? '' : before.endsWith('\n') ? before : `${before}\n`
  return [{ path: '.gitignore', content: `${start}${missing.join('\n')}\n` }]
}

/** A package of one's own keeps its scripts; one that cannot be read is left alone. */
function withScripts(tree: SourceTree): readonly ScaffoldFile[] {
  const before = tree.read('package.json')
  const parsed = before === undefined ? { private: true, type: 'module' } : parse(before)
  if (parsed === undefined) return []
  const scripts = typeof parsed.scripts === 'object' && parsed.scripts !== null ? parsed.scripts : {}
  // `npm init` writes a test script that only fails.
  const own = Object.fromEntries(
    Object.entries(scripts).filter(([, text]) => !/no test specified/.test(String(text))),
  )
  const after = { ...parsed, scripts: { ...SCRIPTS, ...own } }
  const content = `${JSON.stringify(after, null, 2)}\n`
  return content === before ? [] : [{ path: 'package.json', content }]
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
