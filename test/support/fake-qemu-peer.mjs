/** The process of `fake-qemu.ts`: speaks QMP on descriptor 3 until the command, or `greeting`, at which it misbehaves. */
import { spawn } from 'node:child_process'
import { Socket } from 'node:net'

const [at, does] = process.argv.slice(2)
const qmp = new Socket({ fd: 3 })
const send = (text) => qmp.write(`${text}\n`)
const misbehaves = (command, id) => {
  if (command !== at) return false
  if (does === 'refuse')
    send(JSON.stringify({ id, error: { class: 'GenericError', desc: `no ${command} today` } }))
  if (does === 'garbage') send('}this is not QMP{')
  if (does === 'end') process.exit(1)
  return true
}
// A child that keeps the pipes open, as a wrapper script of a user may leave one.
if (does !== 'end') spawn('sleep', ['300'], { stdio: 'inherit' })
if (!misbehaves('greeting'))
  // No version: it stands for whichever QEMU the machine was planned for.
  send(JSON.stringify({ QMP: { version: {}, capabilities: [] } }))
const answers = {
  'query-cpus-fast': [{ 'cpu-index': 0, 'thread-id': process.pid, 'qom-path': '/' }],
  'human-monitor-command': '',
}
let partial = ''
qmp.setEncoding('utf8').on('data', (text) => {
  const lines = (partial + text).split('\n')
  partial = lines.pop()
  for (const line of lines.filter(Boolean)) {
    const { execute, id } = JSON.parse(line)
    if (!misbehaves(execute, id)) send(JSON.stringify({ id, return: answers[execute] ?? {} }))
  }
})
