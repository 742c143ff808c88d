/** `bringup exec`: runs a command in a guest of a background run. */
import { callRun } from '../../runs/control-client.ts'
import { callOnTerminal } from '../call-on-terminal.ts'
import type { Command } from '../command.ts'
import { guestThatRuns, RUN_OPTION } from '../find-guest.ts'
import { passTo } from '../follow-guest.ts'
import { isAtTerminal } from '../guest-terminal.ts'
import { isPiped } from '../piped-input.ts'
import { usageError } from '../usage.ts'

export const command: Command = {
  summary: 'run a command in a guest of a run that was started with `run -d`',
  description:
    'On a terminal the command gets a terminal of the guest. What is piped in is its input, its output is the output of bringup, and its exit code the exit code.',
  arguments: [
    {
      name: '[guest]',
      description: 'name of the guest, or of a run with one guest (default: the only guest)',
    },
  ],
  options: [RUN_OPTION],
  examples: [
    { command: 'bringup exec -- uname -r', says: 'in the only guest' },
    { command: 'bringup exec server -- sh', says: 'a shell in the guest called server' },
    { command: 'tar c src | bringup exec server -- tar x -C /tmp', says: 'with input' },
  ],
  rest: 'command for the guest',
  run: async ({ args, options, output, rest, project, signal }) => {
    if (!rest?.length)
      throw usageError('no command was given', 'write it after --: `bringup exec GUEST -- uname -r`')
    const { stateFolder } = await project()
    const { run, guest } = guestThatRuns(stateFolder, { wanted: args[0], run: options.run })
    const argv = rest as [string, ...string[]]
    if (isAtTerminal(output)) return callOnTerminal(run, { op: 'exec', guest, argv, hasInput: true })
    const hasInput = isPiped()
    const parts: { stdout: string; stderr: string } = { stdout: '', stderr: '' }
    const keep = (name: 'stdout' | 'stderr') => (chunk: Buffer) => {
      parts[name] += chunk.toString()
    }
    const call = callRun(
      run,
      { op: 'exec', guest, argv, hasInput },
      {
        onStdout: output.isJson ? keep('stdout') : passTo(process.stdout),
        onStderr: output.isJson ? keep('stderr') : passTo(process.stderr),
        signal,
      },
    )
    if (hasInput) {
      process.stdin.on('data', (chunk: Buffer) => call.send({ input: chunk.toString('base64') }))
      process.stdin.once('end', () => call.send({ end: true }))
    }
    try {
      const { exitCode = 0 } = await call.done
      output.json({ exitCode, ...parts })
      return exitCode
    } finally {
      // An input that never ends would keep this process.
      if (hasInput) process.stdin.destroy()
    }
  },
}
