/** The generated pages of the reference, as Markdown. Data in, text out. */

const NOTICE = '<!-- Made by `npm run docs:generate` from the code; changes here are overwritten. -->'

const ROOMS = {
  machine: 'The description',
  plan: 'The plan',
  project: 'Projects, configs and profiles',
  host: 'This computer',
  qemu: 'QEMU',
  guest: 'Guests',
  runs: 'Runs',
  testing: 'The test API',
  cli: 'The command line',
}

const REACTIONS = {
  refuses: 'refuses it and exits',
  misbehaves: 'starts, and the guest does not get what was asked',
  accepts: 'accepts it; the rule is bringup’s own, or the guest’s',
}

export function diagnosticsPage(diagnostics) {
  const sections = Object.entries(ROOMS).map(([room, title]) => {
    const own = diagnostics
      .filter(({ file }) => file.startsWith(`${room}/`))
      .sort((a, b) => (a.kind.code < b.kind.code ? -1 : 1))
    return own.length === 0 ? '' : `## ${title}\n\n${own.map(oneDiagnostic).join('\n')}`
  })
  const intro = `Every finding has a stable code. This is all ${diagnostics.length} of them: when each appears, why it matters, what to do.`
  return `${NOTICE}\n\n# Diagnostics\n\n${intro}\n\n${sections.filter(Boolean).join('\n')}`
}

function oneDiagnostic({ kind, file }) {
  const rows = [
    `**Why:** ${text(kind.why)}.`,
    `**Remedy:** ${text(kind.remedy)}.`,
    ...(kind.qemu ? [`**QEMU** ${REACTIONS[kind.qemu]}.`] : []),
    ...(kind.source ? [`**Source:** ${text(kind.source)}.`] : []),
  ].map((row) => row.replace(/\.\.$/, '.'))
  const severity = kind.severity === 'error' ? '' : ` <Badge type="warning" text="${kind.severity}" />`
  return `### ${kind.code}${severity}\n\n${text(kind.title)}\n\n${rows.map((r) => `- ${r}`).join('\n')}\n- Declared in \`src/${file}\`.\n`
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
    ...Object.entries(command.subcommands ?? {}).map(([name, c]) =>
      oneCommand(c, [...path, name], depth + 1),
    ),
  ].join('\n')
}

function optionTable(options) {
  return `${table(
    ['option', ''],
    options.map((o) => [
      code(o.flags),
      `${text(o.description)}${choices(o)}${o.isRepeatable ? '; repeatable' : ''}`,
    ]),
  )}\n`
}

const choices = (spec) => (spec.choices ? `: ${spec.choices.map(code).join(', ')}` : '')

export function configPage(schema) {
  const machine = schema.properties?.machines?.additionalProperties ?? {}
  const { machines: _, ...project } = schema.properties ?? {}
  const devices = alternatives(machine.properties?.devices?.items ?? {}).filter((d) => d.properties?.kind)
  return [
    `${NOTICE}\n\n# Keys of bringup.config\n`,
    'Sizes are bytes or text with K, M, G or T (powers of 1024); times are seconds or text with ms, s, m or h. `bringup.schema.json` in the package says the same to editors.\n',
    `## The project\n\n${keyTable(project, schema.required)}`,
    `## A machine\n\nUnder \`machines\`, by name.\n\n${keyTable(machine.properties ?? {}, machine.required)}`,
    ...Object.entries(machine.properties ?? {}).flatMap(([key, value]) => sections(key, value)),
    ...devices.map((d) => `## Device: ${d.properties.kind.const}\n\n${keyTable(d.properties, d.required)}`),
  ].join('\n')
}

/** Objects below a machine get a table of their own. */
function sections(key, schema) {
  if (key === 'devices') return []
  const shapes = alternatives(schema).filter((s) => s.properties)
  return shapes.map(
    (s) =>
      `### ${key}\n\n${s.description ? `${text(s.description)}\n\n` : ''}${keyTable(s.properties, s.required)}`,
  )
}

function keyTable(properties, required = []) {
  const rows = Object.entries(properties).map(([key, p]) => [
    `\`${key}\`${required.includes(key) ? ' (required)' : ''}`,
    typeOf(p),
    p.default === undefined ? '' : code(JSON.stringify(p.default)),
    text(p.description ?? ''),
  ])
  return `${table(['key', 'is', 'default', ''], rows)}\n`
}

function typeOf(schema) {
  if (schema.const !== undefined) return code(JSON.stringify(schema.const))
  if (schema.enum) return schema.enum.map((v) => code(JSON.stringify(v))).join(', ')
  const inner = alternatives(schema).filter((s) => s !== schema)
  if (inner.length > 0) return [...new Set(inner.map(typeOf))].filter(Boolean).join(' or ')
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {}) || 'anything'}`
  return schema.type === 'object' ? 'object' : (schema.type ?? '')
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
