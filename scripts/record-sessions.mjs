/**
 * Writes docs/guide/sessions.md: what the ten most frequent commands print on a terminal of 80 columns, as they really
 * printed it. `node scripts/record-sessions.mjs`; another program and file can be named, to compare versions.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { ROOT } from './processes.mjs'

const [program = join(ROOT, 'dist/cli/bin.js'), to = join(ROOT, 'docs/guide/sessions.md')] =
  process.argv.slice(2)
const COLUMNS = 80
const LONGEST = 60

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
  const intro =
    '# Terminal sessions\n\nOutput of the most frequent commands on a terminal of 80 columns, recorded by `node scripts/record-sessions.mjs` in a project with two machines:\n\n' +
    `\`\`\`json [bringup.config.json]\n${JSON.stringify({ machines }, null, 2)}\n\`\`\`\n`
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

function shorten(text) {
  const lines = text.split('\n')
  return lines.length <= LONGEST ? text : [...lines.slice(0, LONGEST), '…'].join('\n')
}
