/** `bringup completion`: a script for the shell, made from the commands themselves. */
import type { Command } from '../command.ts'
import { candidates, completionScript, formatCandidates, SHELLS } from '../completion.ts'
import { usageError } from '../usage.ts'

export const command: Command = {
  summary: 'print a completion script for bash, zsh or fish',
  description:
    'Completes commands, options, their values, and the names of machines and runs of the project you are in.',
  arguments: [
    { name: '<shell>', description: 'bash, zsh or fish', choices: [...SHELLS, 'words'] },
    { name: '[words...]', description: 'used by the scripts: what is typed so far' },
  ],
  options: [
    {
      flags: '--describe',
      description: 'used by the scripts: a description behind each word',
      isHidden: true,
    },
  ],
  rest: 'used by the scripts: the words typed so far',
  examples: [
    {
      command: 'eval "$(bringup completion bash)"',
      says: 'this bash; put the line into ~/.bashrc to keep it',
    },
    { command: 'bringup completion zsh > ~/.zfunc/_bringup', says: 'zsh, with ~/.zfunc in fpath' },
    { command: 'bringup completion fish > ~/.config/fish/completions/bringup.fish', says: 'fish' },
  ],
  run: async ({ args, rest, options, output, outline }) => {
    const [shell] = args
    if (shell === 'words') {
      const found = await candidates(rest ?? [], outline)
      output.raw(formatCandidates(found, options.describe === true))
      return 0
    }
    const known = SHELLS.find((s) => s === shell)
    if (!known)
      throw usageError(`there is no completion for "${shell}"`, `it is one of: ${SHELLS.join(', ')}`)
    const script = completionScript(known)
    if (output.isJson) output.json({ shell: known, script })
    else output.raw(script)
    return 0
  },
}
