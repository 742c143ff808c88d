/**
 * Writes docs/guide/sessions.md: what the ten most frequent commands print on a terminal of 80 columns, as they really
 * printed it. `node scripts/record-sessions.mjs`.
 *
 * `node scripts/record-sessions.mjs PROGRAM VERSION` records another version's program into sessions-before.md, to
 * compare both. Lines are cut there at the terminal's edge, as that version left it to the terminal.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { ROOT } from './processes.mjs'

const [program = join(ROOT, 'dist/cli/bin.js'), version] = process.argv.slice(2)
const to = join(ROOT, 'docs/guide', version === undefined ? 'sessions.md' : 'sessions-before.md')
const COLUMNS = 80
const LONGEST = version === undefined ? 60 : 45
const LONGEST_CONSOLE = 6

const SESSIONS = [
  ['What this computer can do', 'doctor'],
  ['What a set of dependencies lacks', 'setup --list build --profile linux'],
  ['The machines of a project', 'machines big'],
  ['A machine with mistakes', 'plan --numa 2 --nvdimm 128M,node=7,label=4K', 'error '],
  ['The bundled kernel on a machine', 'run -m big'],
  ['A command in a Linux guest', 'run --profile linux -- uname -sm'],
  ['A kernel that does not end', 'run --timeout 2s --append hang'],
  ['The runs of a project', 'runs'],
  ['One run', 'runs show last'],
  ['What a store survives', 'nvdimm explain big'],
]

const folder = mkdtempSync(join(tmpdir(), 'hello-'))
try {
  mkdirSync(join(folder, 'hello'))
  const project = join(folder, 'hello')
  const devices = [{ kind: 'nvdimm', id: 'pm0', size: '64M', node: 1 }]
  const machines = { default: {}, big: { cpu: 2, memory: '256M', numa: 2, devices } }
  writeFileSync(join(project, 'bringup.config.json'), JSON.stringify({ machines }))
  const parts = SESSIONS.map(([title, words, from]) => {
    const text = record(project, words)
    const begin = from === undefined ? 0 : Math.max(0, text.search(new RegExp(`^${from}`, 'm')))
    return `## ${title}\n\n\`\`\`text\n$ bringup ${words}\n${shorten(text.slice(begin))}\n\`\`\`\n`
  })
  const config = `\`\`\`json [bringup.config.json]\n${JSON.stringify({ machines }, null, 2)}\n\`\`\`\n`
  const intro =
    version === undefined
      ? `# Terminal sessions\n\nOutput of the most frequent commands on a terminal of 80 columns, recorded by \`node scripts/record-sessions.mjs\` in a project with two machines. [The same commands in an earlier version](./sessions-before).\n\n${config}`
      : `# Terminal sessions of an earlier version\n\nThe commands of [Terminal sessions](./sessions) in the same project, with bringup as of commit ${version}, on a terminal of 80 columns.\n`
  writeFileSync(to, `${intro}\n${parts.join('\n')}`)
} finally {
  rmSync(folder, { recursive: true })
}

/** Source: script(1). The output goes through a terminal of its own; a line written over is shown as it was last. */
function record(cwd, words) {
  const command = `stty columns ${COLUMNS} rows 24; exec '${process.execPath}' '${program}' ${words}`
  const { stdout } = spawnSync('script', ['--quiet', '--command', command, '/dev/null'], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', TERM: 'xterm' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  // A terminal echoes the end of the input as ^@ or ^D.
  return stripVTControlCharacters(stdout.replaceAll('\r\n', '\n'))
    .replaceAll(/\^[@D]/g, '')
    .split('\n')
    .map((line) => line.replace(/\r+$/, ''))
    .map((line) => line.slice(line.lastIndexOf('\r') + 1).trimEnd())
    .join('\n')
    .replaceAll(cwd, '/home/me/hello')
    .replaceAll(process.env.HOME ?? '/root', '/home/me')
    .trim()
}

/** Evidence from the console is shown by its first lines. */
function shorten(text) {
  const lines = text.split('\n').flatMap((line, index, all) => {
    const before = index - all.slice(0, index).findLastIndex((other) => !other.startsWith('  │')) - 1
    if (!line.startsWith('  │') || before < LONGEST_CONSOLE) return atEdge(line)
    return before === LONGEST_CONSOLE ? ['  │ …'] : []
  })
  return (lines.length <= LONGEST ? lines : [...lines.slice(0, LONGEST), '…']).join('\n')
}

/** As the terminal shows a line that is longer than it is wide. */
function atEdge(line) {
  const parts = [...line].length === 0 ? [line] : line.match(new RegExp(`.{1,${COLUMNS}}`, 'gu'))
  return version === undefined ? [line] : parts
}
