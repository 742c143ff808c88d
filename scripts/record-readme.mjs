/** Fills the terminal text of the README with what bringup really prints: `node scripts/record-readme.mjs`. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './processes.mjs'

const bringup = join(ROOT, 'dist/cli/bin.js')
const project = ['--project', join(ROOT, 'examples/first-machine')]
const state = mkdtempSync(join(tmpdir(), 'bringup-readme-'))
const env = { ...process.env, NO_COLOR: '1' }

try {
  spawnSync(process.execPath, [bringup, 'run', ...project, '--state', state], { env })
  const second = execFileSync(process.execPath, [bringup, 'run', ...project, '--state', state], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const flags = ['--numa', '2', '--nvdimm', '128M,node=2,label=4K']
  const wrong = spawnSync(process.execPath, [bringup, 'plan', ...project, '--state', state, ...flags], {
    env,
    encoding: 'utf8',
  }).stdout
  const errors = wrong.slice(wrong.indexOf('\nerror ') + 1)
  const terminal = `$ npm start            # the second time\n${second.replace(/TCG .*/, 'TCG').trim()}`
  const file = join(ROOT, 'README.md')
  const blocks = [terminal, `$ bringup plan ${flags.join(' ')}\n${errors.trim()}`]
  let index = 0
  const text = readFileSync(file, 'utf8').replace(/^( *)```text\n[\s\S]*?^ *```$/gm, (_, indent) => {
    const lines = blocks[index++].split('\n').map((line) => `${indent}${line}`.trimEnd())
    return `${indent}\`\`\`text\n${lines.join('\n')}\n${indent}\`\`\``
  })
  writeFileSync(file, text)
} finally {
  rmSync(state, { recursive: true })
}
