/** The generated pages of the reference, as Markdown. Data in, text out. */

const NOTICE = '<!-- Made by `npm run docs:generate` from the code; changes here are overwritten. -->'

/** Rooms of the source, as a reader calls what they are about. One page each. */
const ROOMS = {
  machine: 'Descriptions of machines',
  plan: 'Plans',
  project: 'Projects, configs and profiles',
  host: 'This computer',
  processes: 'Caches and locks',
  qemu: 'QEMU',
  guest: 'Guests',
  rack: 'Racks',
  runs: 'Runs',
  testing: 'The test API',
  cli: 'The command line',
  build: 'Builds',
  containers: 'Containers',
  setup: 'Dependencies and packages',
  steps: 'Changes to this computer',
  services: 'Services',
  network: 'Networks',
  stores: 'Stores of NVDIMMs',
  qemus: 'QEMUs side by side',
  pmem: 'Emulated persistent memory',
  rdma: 'RDMA of this computer',
  states: 'Saved states of guests',
  sweeps: 'Sweeps',
}

const REACTIONS = {
  refuses: 'refuses it and exits',
  misbehaves: 'starts, and the guest does not get what was asked',
  accepts: 'accepts it; the rule is bringup’s own, or the guest’s',
}

/** The pages of all diagnostics by path: an index of codes, and a page for each room. */
export function diagnosticsPages(diagnostics) {
  const byCode = diagnostics.toSorted((a, b) => (a.kind.code < b.kind.code ? -1 : 1))
  const rooms = [...new Set(byCode.map(({ file }) => roomOf(file)))].toSorted()
  const unknown = rooms.filter((room) => titleOf(room) === undefined)
  if (unknown.length > 0) throw new Error(`no title for the diagnostics of: ${unknown.join(', ')}`)
  const rows = byCode.map(({ kind, file }) => [
    `[${kind.code}](./${roomOf(file)}#${kind.code.toLowerCase().replaceAll('_', '-')})`,
    text(kind.title),
  ])
  const intro = `Every finding has a stable code. These are all ${diagnostics.length}. Each has a reason, a remedy and its source; a search for a code leads to it.`
  const index = `${NOTICE}\n\n# Diagnostics\n\n${intro}\n\n${table(['code', 'when'], rows)}\n`
  const pages = rooms.map((room) => {
    const own = byCode.filter(({ file }) => roomOf(file) === room)
    const body = own.map(oneDiagnostic).join('\n')
    return [`${room}.md`, `${NOTICE}\n\n# Diagnostics: ${titleOf(room)}\n\n${body}`]
  })
  return Object.fromEntries([['index.md', index], ...pages])
}

/** Devices have more diagnostics than any other room: a page for each family of files, such as `nvdimm`. */
const roomOf = (file) =>
  /^machine\/devices\/([a-z]+)/.exec(file)?.[1]?.replace(/^/, 'device-') ?? file.split('/')[0]

const titleOf = (room) =>
  room.startsWith('device-') ? `Device ${room.slice('device-'.length)}` : ROOMS[room]

function oneDiagnostic({ kind, file }) {
  const rows = [
    `**Why:** ${text(kind.why)}.`,
    `**Remedy:** ${text(kind.remedy)}.`,
    ...(kind.qemu ? [`**QEMU** ${REACTIONS[kind.qemu]}.`] : []),
    ...(kind.source ? [`**Source:** ${text(kind.source)}.`] : []),
  ].map((row) => row.replace(/\.\.$/, '.'))
  const severity = kind.severity === 'error' ? '' : ` <Badge type="warning" text="${kind.severity}" />`
  return `## ${kind.code}${severity} {#${kind.code.toLowerCase().replaceAll('_', '-')}}\n\n${text(kind.title)}\n\n${rows.map((r) => `- ${r}`).join('\n')}\n- Declared in \`src/${file}\`.\n`
}

export function flagsPage(commands, globalOptions) {
  const head = `${NOTICE}\n\n# Commands and flags\n\nEvery command takes these:\n\n${optionTable(globalOptions)}`
  return `${head}\n${commands.map((c) => oneCommand(c, ['bringup', c.name], 2)).join('\n')}`
}

function oneCommand(command, path, depth) {
  const words = (command.arguments ?? []).map((a) => a.name)
  const usage = [
    ...path,
    ...words,
    ...(command.options ? ['[options]'] : []),
    ...(command.rest ? ['[-- …]'] : []),
  ].join(' ')
  const examples = command.examples.map((e) => `# ${e.says}\n${e.command}`).join('\n\n')
  return [
    `${'#'.repeat(depth)} ${path.join(' ')}\n`,
    `${text(command.description ?? `${command.summary}.`)}\n`,
    `\`\`\`text\n${usage}\n\`\`\`\n`,
    ...(command.rest ? [`After \`--\`: ${text(command.rest)}.\n`] : []),
    ...(command.arguments?.length
      ? [
          `${table(
            ['argument', ''],
            command.arguments.map((a) => [code(a.name), `${text(a.description)}${choices(a)}`]),
          )}\n`,
        ]
      : []),
    ...(command.options?.length ? [`${optionTable(command.options)}\n`] : []),
    `\`\`\`sh\n${examples}\n\`\`\`\n`,
    ...Object.entries(command.subcommands ?? {})
      .filter(([, c]) => !c.isHidden)
      .map(([name, c]) => oneCommand(c, [...path, name], depth + 1)),
  ].join('\n')
}

function optionTable(options) {
  return `${table(
    ['option', ''],
    options
      .filter((o) => !o.isHidden)
      .map((o) => [
        code(o.flags),
        `${text(o.description)}${choices(o)}${o.isRepeatable ? '; repeatable' : ''}`,
      ]),
  )}\n`
}

const choices = (spec) => (spec.choices ? `: ${spec.choices.map(code).join(', ')}` : '')

export function configPage(schema) {
  const machine = schema.properties?.machines?.additionalProperties ?? {}
  const { machines: _, ...project } = schema.properties ?? {}
  const { devices: list, ...parts } = machine.properties ?? {}
  const devices = alternatives(list?.items ?? {}).filter((d) => d.properties?.kind)
  return [
    `${NOTICE}\n\n# Keys of bringup.config\n`,
    'Sizes are bytes or text with K, M, G or T (powers of 1024); times are seconds or text with ms, s, m or h. `bringup.schema.json` in the package says the same to editors.\n',
    `## The project\n\n${keyTable(project, schema.required)}`,
    ...nested(project, [], 3),
    `## A machine\n\nUnder \`machines\`, by name.\n\n${keyTable(machine.properties ?? {}, machine.required)}`,
    ...nested(parts, [], 3),
    ...devices.flatMap((d) => [
      `## Device: ${d.properties.kind.const}\n\n${keyTable(d.properties, d.required, [d.properties.kind.const])}`,
      ...nested(d.properties, [d.properties.kind.const], 3),
    ]),
  ].join('\n')
}

/** The objects of a key, by the words that lead to them: `numa`, `hmat[]` of a list, `racks.NAME` of a record. */
function objectsOf(key, value) {
  const entries = alternatives(value).flatMap((s) => {
    if (s.type === 'array') return alternatives(s.items ?? {}).map((item) => [`${key}[]`, item])
    const inRecord = typeof s.additionalProperties === 'object' ? alternatives(s.additionalProperties) : []
    return [[key, s], ...inRecord.map((entry) => [`${key}.NAME`, entry])]
  })
  const names = [...new Set(entries.flatMap(([name, s]) => (s.properties ? [name] : [])))]
  return names.map((name) => [
    name,
    entries.flatMap(([other, s]) => (other === name && s.properties ? [s] : [])),
  ])
}

/** Objects within, however deep, as tables of their own. Alternatives of one place share a table. */
function nested(properties, above, depth) {
  return Object.entries(properties).flatMap(([key, value]) =>
    objectsOf(key, value).flatMap(([name, objects]) => {
      const path = [...above, name]
      const about = objects.find((s) => s.description)?.description
      const keys = Object.assign({}, ...objects.map((s) => s.properties))
      const required = objects.length === 1 ? objects[0].required : []
      const heading = `${'#'.repeat(Math.min(depth, 5))} ${path.join('.')}`
      return [
        `${heading}\n\n${about ? `${text(about)}\n\n` : ''}${keyTable(keys, required, path)}`,
        ...nested(keys, path, depth + 1),
      ]
    }),
  )
}

function keyTable(properties, required = [], above = []) {
  const rows = Object.entries(properties).map(([key, p]) => [
    `\`${key}\`${required.includes(key) ? ' (required)' : ''}`,
    typeOf(p),
    p.default === undefined ? '' : code(JSON.stringify(p.default)),
    text(p.description ?? seeBelow(key, p, above)),
  ])
  return `${table(['key', 'type', 'default', ''], rows)}\n`
}

/** A key without a description leads to the table of its own keys. */
function seeBelow(key, value, above) {
  if (key === 'devices' && above.length === 0) return 'Each kind has a table of its own below.'
  const [first] = objectsOf(key, value)
  if (!first) return ''
  const path = [...above, first[0]].join('.')
  const anchor = path
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '')
  return `See [${path}](#${anchor}).`
}

function typeOf(schema) {
  if (schema.const !== undefined) return code(JSON.stringify(schema.const))
  if (schema.enum) return schema.enum.map((v) => code(JSON.stringify(v))).join(', ')
  const inner = alternatives(schema).filter((s) => s !== schema)
  if (inner.length > 0)
    return [...new Set(inner.flatMap((s) => typeOf(s).split(' or ')))].filter(Boolean).join(' or ')
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {}) || 'anything'}`
  return [schema.type ?? []].flat().join(' or ')
}

function alternatives(schema) {
  return [
    schema,
    ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])].flatMap(alternatives),
  ]
}

function table(headings, rows) {
  const line = (cells) =>
    `| ${cells.map((c) => c.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n')
}

const code = (words) => `\`${words}\``

/** Vue reads `<x>` and `{{` in Markdown; inside code spans they are safe. */
function text(words) {
  return words
    .split(/(`[^`]*`)/)
    .map((part) =>
      part.startsWith('`') ? part : part.replaceAll('<', '&lt;').replaceAll('{{', '&#123;&#123;'),
    )
    .join('')
}
