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
    const text = readFileSync(join(root, page), 'utf8').replace(/```[\s\S]*?```/g, '')
    const links = [
      ...text.matchAll(/\]\(([^)\s]+)\)/g),
      ...text.matchAll(/\b(?:src|href|link): ?["']?([^"'\s]+)/g),
      ...text.matchAll(/<(?:img|a)[^>]+(?:src|href)="([^"]+)"/g),
    ].map(([, link = '']) => link)
    for (const link of links.filter((l) => !/^[a-z]+:/.test(l))) {
      const [target = '', anchor] = link.split('#')
      const base = target.startsWith('/') ? join('docs', target) : join(page, '..', target)
      const file =
        target === ''
          ? page
          : [base, `${base}.md`, join(base, 'index.md'), join('docs/public', target)].find(isFile)
      // The API's pages exist after `npm run docs:api`; VitePress checks those links.
      if (file === undefined && /^\/api\//.test(target)) continue
      expect(file, `${page} → ${link}`).toBeDefined()
      if (anchor !== undefined) expect(anchorsOf(file ?? ''), `${page} → ${link}`).toContain(anchor)
    }
  })
})

function isFile(path: string): boolean {
  try {
    return readFileSync(join(root, path)).length > 0
  } catch {
    return false
  }
}

/** Anchors as VitePress and GitHub make them of headings, and explicit ones. */
function anchorsOf(page: string): readonly string[] {
  return [...readFileSync(join(root, page), 'utf8').matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const explicit = /\{#([\w-]+)\}/.exec(heading)?.[1]
    return (
      explicit ??
      heading
        .toLowerCase()
        .replace(/<[^>]+>/g, '')
        .replace(/[^\p{L}\p{N}\s-]/gu, '')
        .trim()
        .replace(/\s+/g, '-')
    )
  })
}

test('every dependency has a reason', () => {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Record<string, Record<string, string>>
  const text = readFileSync(join(root, 'docs/dependencies.md'), 'utf8')
  const listed = [...text.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = '']) => cell.split(', '))
  for (const name of Object.keys({ ...dependencies, ...devDependencies }))
    expect(
      listed.filter((l) => l === name),
      `rows of ${name}`,
    ).toHaveLength(1)
})
