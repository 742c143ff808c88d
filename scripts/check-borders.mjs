/**
 * Keeps the house in order: imports go one way between the rooms and never in circles, no room names an operating
 * system that has a profile, nothing goes through a shell, nothing sleeps.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { ROOT } from './processes.mjs'

/** Which rooms a room may import besides itself. Files that lie in `src` itself (`units`, `diagnostics`) are free to all. */
const MAY_IMPORT = {
  machine: [],
  host: ['machine'],
  processes: [],
  network: ['host', 'processes', 'services', 'steps'],
  qemu: ['machine', 'plan', 'host', 'processes'],
  qemus: ['machine', 'host', 'processes', 'plan', 'qemu', 'setup', 'steps', 'build'],
  acpi: ['machine'],
  'kernel-tests': ['guest', 'host', 'machine', 'screen'],
  screen: ['qemu'],
  containers: ['host', 'build', 'setup'],
  services: ['machine', 'host', 'processes'],
  stores: ['machine', 'host', 'processes'],
  states: ['machine', 'plan', 'processes', 'qemu'],
  plan: ['machine', 'host', 'network', 'qemu', 'services', 'stores'],
  rack: ['machine', 'network', 'plan', 'services'],
  runs: [
    'machine',
    'network',
    'plan',
    'host',
    'project',
    'guest',
    'qemu',
    'rack',
    'services',
    'states',
    'steps',
  ],
  steps: ['host', 'processes'],
  pmem: ['host', 'steps'],
  rdma: ['machine', 'host', 'steps', 'qemus', 'services'],
  setup: ['host', 'steps'],
  images: ['host'],
  build: ['machine', 'host', 'images', 'processes'],
  project: [
    'kernel-tests',
    'machine',
    'network',
    'plan',
    'rack',
    'host',
    'processes',
    'qemu',
    'qemus',
    'acpi',
    'build',
    'images',
    'services',
    'setup',
    'states',
    'stores',
  ],
  guest: ['acpi', 'machine', 'screen', 'plan', 'host', 'processes', 'qemu', 'project', 'states', 'stores'],
  sweeps: ['machine', 'plan', 'host', 'processes', 'states', 'qemu', 'rack', 'runs', 'project', 'guest'],
  testing: ['machine', 'plan', 'host', 'qemu', 'rack', 'runs', 'project', 'guest', 'sweeps'],
  report: ['guest', 'machine', 'plan', 'runs', 'sweeps'],
  cli: [
    'containers',
    'report',
    'kernel-tests',
    'screen',
    'machine',
    'network',
    'plan',
    'host',
    'qemu',
    'qemus',
    'rack',
    'runs',
    'sweeps',
    'steps',
    'pmem',
    'rdma',
    'setup',
    'build',
    'project',
    'guest',
    'services',
    'testing',
    'states',
    'stores',
  ],
}

/** Rooms within rooms: readers of ACPI tables are pure, and serve profiles as well as guests; images serve builds too. */
const INNER_ROOMS = { 'guest/acpi/': 'acpi', 'project/images/': 'images' }

/** Files outside the rooms, and the rooms that they may import. */
const LIBRARY = Object.keys(MAY_IMPORT).filter((room) => room !== 'cli' && room !== 'testing')
const ENTRANCES = {
  'index.ts': LIBRARY,
  'launch.ts': LIBRARY,
  'saved-state.ts': LIBRARY,
  'guest-pool.ts': LIBRARY,
  'step-registry.ts': LIBRARY,
}

/** Where an operating system may be named outside its profile, and why. */
const NAMED_FOR_A_REASON = {
  'build/tools.ts': 'names of cross compilers have the system that they compile for: x86_64-linux-gnu-gcc',
  'pmem/boot/grub-text': 'the command of GRUB that loads a kernel has that name',
  'pmem/kernel-place': 'reads the version from the line in which the kernel of this computer names itself',
  'machine/devices/boot-': 'the Linux boot protocol is a protocol, which other kernels use too',
  'project/images/': 'types of partitions have standard names, of which this is one',
  'containers/dockerfile.ts': 'the name of the platform is part of rustup’s address',
  'project/config-api.ts': 'hands the built-in profiles to config files',
  'index.ts': 'hands the built-in profiles to programs',
  'qemus/packages/': 'the dynamic loader has that name',
  'qemus/source/': 'features and targets of QEMU’s configure have names of their own',
  'host/': 'facts of this computer, which runs Linux, are read from its /proc and /sys',
}

/** A kind of file is no operating system: a bzImage is one whatever it boots. */
const FILE_FORMAT = "'linux-bzimage'"

const SYSTEMS = /\b(linux|nrk|unikraft|barrelfish|sel4)\b/i
const src = join(ROOT, 'src')
const files = readdirSync(src, { recursive: true })
  .filter((f) => f.endsWith('.ts'))
  .sort()

const problems = [...files.flatMap(checkFile), ...circles()]
for (const problem of problems) console.error(problem)
if (problems.length === 0) console.log(`borders: ${files.length} files keep them`)
process.exitCode = problems.length === 0 ? 0 : 1

function checkFile(file) {
  const text = readFileSync(join(src, file), 'utf8')
  const isTest = file.endsWith('.test.ts')
  const code = withoutComments(text).replaceAll(FILE_FORMAT, '')
  return [
    ...(isTest
      ? []
      : importsOf(file, text)
          .filter(({ to }) => !mayImport(file, to))
          .map(({ to }) => `src/${file}: may not import src/${to}`)),
    ...(/\bshell:\s*true\b/.test(code) ? [`src/${file}: goes through a shell`] : []),
    ...(!isTest &&
    /\bsleep\s*\(|timers\/promises|\bnew Promise\b[^;]{0,60}setTimeout\(\s*(resolve|r|done)\s*,/.test(code)
      ? [`src/${file}: sleeps; wait for an event`]
      : []),
    ...(/\bimport\s*\{[^}]*\bz\b[^}]*\}\s*from 'zod'/.test(code)
      ? [`src/${file}: import * as z from 'zod', of which only what is used is bundled`]
      : []),
    ...(isTest ? [] : systemsNamed(file, code)),
  ]
}

function systemsNamed(file, code) {
  if (file.startsWith('project/profiles/') || Object.keys(NAMED_FOR_A_REASON).some((f) => file.startsWith(f)))
    return []
  const line = code.split('\n').findIndex((l) => SYSTEMS.test(l) && !isSaid(l))
  return line === -1
    ? []
    : [`src/${file}:${line + 1}: names an operating system; that belongs into its profile`]
}

/** Help, summaries and remedies are documentation: they may say "such as --profile linux". */
function isSaid(line) {
  return /\b(says|command|summary|description|remedy|why|title|what|help|rest|source|example|flags)\b|\.describe\(|\.meta\(/.test(
    line,
  )
}

function mayImport(from, to) {
  const [room, target] = [roomOf(from), roomOf(to)]
  if (room === undefined) return target === undefined || (ENTRANCES[from] ?? []).includes(target)
  return target === undefined
    ? to !== 'index.ts'
    : target === room || (MAY_IMPORT[room] ?? []).includes(target)
}

function roomOf(file) {
  const inner = Object.keys(INNER_ROOMS).find((folder) => file.startsWith(folder))
  if (inner) return INNER_ROOMS[inner]
  return file.includes('/') ? file.split('/')[0] : undefined
}

function importsOf(file, text) {
  const found = [
    ...text.matchAll(/^\s*(import|export)\b(\s+type\b)?[^'"]*?from\s+'(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm),
  ]
  return found.map((m) => ({
    isType: m[2] !== undefined,
    isLazy: m[4] !== undefined,
    to: relative(src, resolve(src, dirname(file), m[3] ?? m[4])),
  }))
}

/** Circles of imports that are there when the program runs; types and lazy imports make none. */
function circles() {
  const graph = new Map(
    files.map((f) => [
      f,
      importsOf(f, readFileSync(join(src, f), 'utf8'))
        .filter((i) => !i.isType && !i.isLazy)
        .map((i) => i.to),
    ]),
  )
  const done = new Set()
  const found = []
  const visit = (file, path) => {
    if (path.includes(file)) found.push(`circle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`)
    if (path.includes(file) || done.has(file)) return
    for (const next of graph.get(file) ?? []) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  return found
}

function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, (c) => c.replace(/[^\n]/g, '')).replace(/(^|\s)\/\/.*$/gm, '$1')
}
