/**
 * `npm run docs:generate`: writes what is made from the code, so that it cannot say anything else than the code does:
 * the JSON Schema of configs, those of --json, and the reference of diagnostics, flags and keys.
 * With --check it writes nothing, and fails if something committed is not what it would write.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createJiti } from 'jiti'
import { ROOT } from './processes.mjs'
import { qemusPage } from './qemus-page.mjs'
import { configPage, diagnosticsPages, flagsPage } from './reference-pages.mjs'
import { EVERYTHING, LINUX_OUTPUT, PROBE_OUTPUT, verifyPage } from './verify-page.mjs'

const jiti = createJiti(pathToFileURL(`${ROOT}/`).href, { fsCache: `${ROOT}/node_modules/.cache/jiti` })
const load = (path) => jiti.import(join(ROOT, 'src', path))

const doubles = []
const { z } = await jiti.import('zod')
const { configJsonSchema: makeSchema } = await load('project/json-schema.ts')
const { SHAPES } = await load('cli/shapes.ts')
const { COMMANDS } = await load('cli/commands.ts')
const { GLOBAL_OPTIONS } = await load('cli/help.ts')

const configJsonSchema = makeSchema()
// One after the other: of modules that are loaded side by side, jiti hands out some before they have run.
const commands = []
for (const entry of COMMANDS) commands.push({ name: entry.name, ...(await entry.load()).command })

const files = {
  'docs/public/topologies/first-machine.svg': await picture(
    'examples/first-machine/bringup.config.ts',
    'default',
  ),
  'docs/public/topologies/odd.svg': await picture('docs/recipes/numa-bug.md', 'odd'),
  'bringup.schema.json': json(configJsonSchema),
  ...Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape]) => [
      `docs/reference/json/${name}.schema.json`,
      json(z.toJSONSchema(shape, { io: 'output', unrepresentable: 'any' })),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(diagnosticsPages(await everyDiagnostic())).map(([name, text]) => [
      `docs/reference/diagnostics/${name}`,
      text,
    ]),
  ),
  'docs/reference/flags.md': flagsPage(commands, GLOBAL_OPTIONS),
  'docs/reference/verify.md': verifyPage(await verifications()),
  'docs/reference/qemus.md': qemusPage(
    (await load('qemu/features.ts')).FEATURES,
    JSON.parse(readFileSync(join(ROOT, 'scripts/qemu-features.json'), 'utf8')),
  ),
  'docs/reference/config.md': configPage(configJsonSchema),
}

for (const double of doubles) console.error(double)
const stale = Object.entries(files)
  .filter(([path, text]) => !isSame(path, text))
  .map(([path]) => path)
if (process.argv.includes('--check')) {
  for (const path of stale) console.error(`${path} is not what the code says; run: npm run docs:generate`)
  process.exitCode = stale.length === 0 && doubles.length === 0 ? 0 : 1
} else {
  for (const path of stale) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true })
    writeFileSync(join(ROOT, path), files[path])
    console.log(`wrote ${path}`)
  }
}

/** The picture of a machine that a config file, or the first config on a page of the guide, describes. */
async function picture(path, name) {
  const { loadProject } = await load('project/project.ts')
  const { parseMachine, resolveMachines } = await load('machine/machine.ts')
  const { topologyOf } = await load('machine/topology.ts')
  const { topologySvg } = await load('machine/topology-svg.ts')
  const text = readFileSync(join(ROOT, path), 'utf8')
  const config = path.endsWith('.md') ? /```ts\n([\s\S]*?defineConfig\([\s\S]*?)```/.exec(text)?.[1] : text
  const folder = mkdtempSync(join(tmpdir(), 'bringup-picture-'))
  try {
    writeFileSync(join(folder, 'bringup.config.ts'), config)
    const { machines } = await loadProject({ cwd: folder })
    return topologySvg(topologyOf(name, parseMachine(name, resolveMachines(machines)[name])))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function isSame(path, text) {
  try {
    return readFileSync(join(ROOT, path), 'utf8') === text
  } catch {
    return false
  }
}

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** The comparison itself says what it compares. */
async function verifications() {
  const { parseMachine } = await load('machine/machine.ts')
  const { verify } = await load('plan/verify.ts')
  const { parseReport } = await load('project/profiles/probe/report.ts')
  const { parseView } = await load('project/profiles/linux/view.ts')
  const plan = { name: 'everything', profile: 'linux', machine: parseMachine('everything', EVERYTHING) }
  const facts = { files: new Map([['disk.img', { kind: 'file', bytes: 512 }]]) }
  return {
    probe: verify(plan, facts, parseReport(PROBE_OUTPUT)),
    linux: verify(plan, facts, parseView(LINUX_OUTPUT)),
  }
}

/** Every kind that any file declares, with the file. A code that is declared twice would have two meanings. */
async function everyDiagnostic() {
  const found = new Map()
  for (const file of readdirSync(join(ROOT, 'src'), { recursive: true }).sort()) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts') || file === 'diagnostics.ts') continue
    if (!readFileSync(join(ROOT, 'src', file), 'utf8').includes('defineDiagnostics(')) continue
    for (const value of Object.values(await load(file))) {
      for (const kind of kindsIn(value)) {
        const other = found.get(kind.code)
        if (other && other.file !== file && other.kind.title !== kind.title)
          doubles.push(`${kind.code} means one thing in ${other.file} and another in ${file}`)
        if (!other) found.set(kind.code, { kind, file })
      }
    }
  }
  return [...found.values()]
}

function kindsIn(value) {
  if (typeof value !== 'object' || value === null) return []
  const records = [value, value.diagnostics].filter((r) => typeof r === 'object' && r !== null)
  return records
    .flatMap((r) => Object.values(r))
    .filter(
      (k) => typeof k === 'object' && k !== null && typeof k.at === 'function' && typeof k.code === 'string',
    )
}
