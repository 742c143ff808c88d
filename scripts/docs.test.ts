import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { parseMachine, resolveMachines } from '../src/machine/machine.ts'
import { loadProject } from '../src/project/project.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-docs-'))
afterAll(() => rmSync(folder, { recursive: true }))

const pages = [
  'README.md',
  'ARCHITECTURE.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((f) => `docs/${f}`),
].filter((f) => f.endsWith('.md') && !/docs\/(api|\.vitepress)\//.test(f))

/** Every config that a page shows. */
const configs = pages.flatMap((page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].flatMap(([, code = '']) =>
    code.includes('defineConfig(') ? [[page, code] as const] : [],
  ),
)

test('there are configs to check', () => expect(configs.length).toBeGreaterThan(8))

test.each(configs)('the config in %s is one', async (_page, code) => {
  const file = join(mkdtempSync(join(folder, 'c')), 'bringup.config.ts')
  writeFileSync(file, code)
  const { machines } = await loadProject({ cwd: folder, project: file })
  for (const [name, machine] of Object.entries(resolveMachines(machines))) parseMachine(name, machine)
})

describe('links', () => {
  test.each(pages)('of %s lead somewhere', (page) => {
    const text = readFileSync(join(root, page), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\((\.{0,2}\/?[\w./-]+)(?:#[\w-]+)?\)/g)) {
      const inDocs = target.startsWith('/') ? join('docs', target) : join(page, '..', target)
      const found = [inDocs, `${inDocs}.md`, join(inDocs, 'index.md')].some((path) => existsIn(path))
      expect(found, `${page} → ${target}`).toBe(true)
    }
  })
})

function existsIn(path: string): boolean {
  try {
    return readFileSync(join(root, path)).length > 0
  } catch {
    return false
  }
}

test('every dependency has a reason', () => {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Record<string, Record<string, string>>
  const text = readFileSync(join(root, 'docs/dependencies.md'), 'utf8')
  for (const name of Object.keys({ ...dependencies, ...devDependencies }))
    expect(text).toMatch(new RegExp(`\\| (?:[^|]*, )?${name}(?:, [^|]*)? \\|`))
})
