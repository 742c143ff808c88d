import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { BringupError, type Diagnostic } from '../src/diagnostics.ts'
import { parseMachine, resolveMachines } from '../src/machine/machine.ts'
import { previewGuest } from '../src/project/planning.ts'
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

/** What a reader of the page would still have to provide: files, a kernel, CXL of a newer QEMU, another computer. */
const OF_THE_READER = [
  'BOOT_FILE_MISSING',
  'BOOT_ESP_NOT_A_FOLDER',
  'BOOT_OVMF_MISSING',
  'CXL_VOLATILE_UNSUPPORTED',
  'DISK_FILE_MISSING',
  'MEDIUM_MISSING',
  'DISK_BASE_MISSING',
  'FOLDER_UNFIT',
  'MEMORY_EXCEEDS_HOST',
  'MEMORY_HOST_NODE_MISSING',
  'MEMORY_HUGE_PAGES_MISSING',
  'MEMORY_HUGE_PAGES_TOO_FEW',
  'PIN_HOST_CPU_MISSING',
  'VSOCK_UNAVAILABLE',
  'VSOCK_NO_ACCESS',
]

describe.each(configs)('the config in %s', (page, code) => {
  const load = async () => {
    const file = join(mkdtempSync(join(folder, 'c')), 'bringup.config.ts')
    writeFileSync(file, code)
    return loadProject({ cwd: folder, project: file })
  }

  test('is one', async () => {
    const { machines } = await load()
    for (const [name, machine] of Object.entries(resolveMachines(machines))) parseMachine(name, machine)
  })

  test.each(['probe', 'linux', 'debian'])('holds under the profile %s', async (profile) => {
    const project = await load()
    const found = await Promise.all(
      Object.entries(resolveMachines(project.machines)).map(async ([name, { profile: own }]) => {
        // A profile of the page's own is part of the example.
        const named = (own ?? project.profile ?? project.kernel) === undefined ? { profile } : {}
        const { plan } = await previewGuest({ project, machine: name, ...named }).catch(lacksTools)
        return plan.diagnostics
          .filter((d) => d.severity === 'error')
          .map((d) => `${name}: ${d.code} ${d.what}`)
      }),
    )
    const wrong = found.flat().filter((line) => !OF_THE_READER.some((code) => line.includes(` ${code} `)))
    expect(wrong, page).toEqual([])
  })
})

/** Debian images are made by tools that this computer may not have. */
function lacksTools(error: unknown): { readonly plan: { readonly diagnostics: readonly Diagnostic[] } } {
  if (error instanceof BringupError && error.code === 'DEBIAN_TOOL_MISSING')
    return { plan: { diagnostics: [] } }
  throw error
}

describe('links', () => {
  test.each(pages)('of %s lead somewhere', (page) => {
    const text = readFileSync(join(root, page), 'utf8').replace(/```[\s\S]*?```|`[^`\n]*`/g, '')
    const links = [
      ...text.matchAll(/\]\(([^)\s]+)\)/g),
      ...text.matchAll(/^\s*(?:src|link): (\S+)$/gm),
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
