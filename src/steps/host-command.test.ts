import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { formatCommand, type HostCommand } from './host-command.ts'

/** What a shell makes of the words that a person pastes; `cat` shows the input, `env` the variables. */
const paste = (command: HostCommand) => execFileSync('bash', ['-c', formatCommand(command, [])]).toString()

test.each(['a line\n', "it's\n\n$HOME `x`\n", 'no end of line', 'END\n', 'x\nEND\n', ''])(
  'input survives a real shell: %j',
  (stdin) => {
    expect(paste({ argv: ['cat'], stdin })).toBe(stdin)
  },
)

test('bytes, variables and folders survive too', () => {
  const bytes = Buffer.from([0, 255, 10, 39])
  const shown = formatCommand({ argv: ['cat'], stdin: { base64: bytes.toString('base64') } }, [])
  expect(execFileSync('bash', ['-c', shown])).toEqual(bytes)
  expect(paste({ argv: ['printenv', 'A'], env: { A: "it's $x" } })).toBe("it's $x\n")
  expect(paste({ argv: ['pwd'], cwd: '/usr/bin' })).toBe('/usr/bin\n')
})

test('sudo loses variables, so env(1) sets them behind it', () => {
  const command = { argv: ['apt-get', 'update'], asRoot: true, env: { A: '1' } }
  expect(formatCommand(command, ['sudo', '-n'])).toBe('sudo -n env A=1 apt-get update')
  expect(formatCommand(command, [])).toBe('A=1 apt-get update')
  expect(formatCommand({ ...command, asRoot: false }, ['sudo'])).toBe('A=1 apt-get update')
})
