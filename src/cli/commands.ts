/** The list of commands. */
import type { CommandEntry } from './command.ts'

/** Every command. Loaded when called; a new command is one new file and its line here. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'run',
    group: 'Machines and runs:',
    summary: 'boot a kernel on a machine and say how it went',
    load: () => import('./commands/run.ts'),
  },
  {
    name: 'init',
    group: 'Source trees:',
    summary: 'look at a source tree and write a bringup.config.ts for it',
    load: () => import('./commands/init.ts'),
  },
  {
    name: 'build',
    group: 'Source trees:',
    summary: 'build what a machine boots, and boot nothing',
    load: () => import('./commands/build.ts'),
  },
  {
    name: 'plan',
    group: 'Machines and runs:',
    summary: 'show what a run would do, and check it',
    load: () => import('./commands/plan.ts'),
  },
  {
    name: 'machines',
    group: 'Machines and runs:',
    summary: 'list the machines of the project, or explain one',
    load: () => import('./commands/machines.ts'),
  },
  {
    name: 'trust',
    group: 'This computer:',
    summary: 'let configs in a folder run although another user can write them',
    load: () => import('./commands/trust.ts'),
  },
  {
    name: 'runs',
    group: 'Machines and runs:',
    summary: 'list, show and delete records of runs',
    load: () => import('./commands/runs.ts'),
  },
  {
    name: 'ps',
    group: 'Runs that stay:',
    summary: 'list the runs that go on',
    load: () => import('./commands/ps.ts'),
  },
  {
    name: 'logs',
    group: 'Runs that stay:',
    summary: 'print what the guests of a run have printed',
    load: () => import('./commands/logs.ts'),
  },
  {
    name: 'attach',
    group: 'Runs that stay:',
    summary: 'connect this terminal to the console of a guest',
    load: () => import('./commands/attach.ts'),
  },
  {
    name: 'exec',
    group: 'Runs that stay:',
    summary: 'run a command in a guest of a run that goes on',
    load: () => import('./commands/exec.ts'),
  },
  {
    name: 'cp',
    group: 'Runs that stay:',
    summary: 'copy files to or from a guest of a run that goes on',
    load: () => import('./commands/cp.ts'),
  },
  {
    name: 'stop',
    group: 'Runs that stay:',
    summary: 'end a run that was started with `run -d`',
    load: () => import('./commands/stop.ts'),
  },
  {
    name: 'rm',
    group: 'Runs that stay:',
    summary: 'delete the records of runs that have ended',
    load: () => import('./commands/rm.ts'),
  },
  {
    name: 'nvdimm',
    group: 'Persistent memory:',
    summary: 'look after the stores of NVDIMMs, and explain what they keep',
    load: () => import('./commands/nvdimm.ts'),
  },
  {
    name: 'checkout',
    group: 'Source trees:',
    summary: 'get a source tree with its submodules',
    load: () => import('./commands/checkout.ts'),
  },
  {
    name: 'pmem',
    group: 'Persistent memory:',
    summary: 'make persistent memory of RAM of this computer',
    load: () => import('./commands/pmem.ts'),
  },
  {
    name: 'doctor',
    group: 'This computer:',
    summary: 'show what this computer and its QEMU can do, and what is in the way',
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'setup',
    group: 'Source trees:',
    summary: 'install what the project needs of this computer, set by set',
    load: () => import('./commands/setup.ts'),
  },
  {
    name: 'container',
    group: 'Source trees:',
    summary: 'build in a container that has every build dependency',
    load: () => import('./commands/container.ts'),
  },
  {
    name: 'undo',
    group: 'This computer:',
    summary: 'take back what an operation changed on this computer',
    load: () => import('./commands/undo.ts'),
  },
  {
    name: 'resume',
    group: 'This computer:',
    summary: 'go on with an operation that was interrupted or waits for a reboot',
    load: () => import('./commands/resume.ts'),
  },
  {
    name: 'operations',
    group: 'This computer:',
    summary: 'list what has been changed on this computer',
    load: () => import('./commands/operations.ts'),
  },
  {
    name: 'completion',
    group: 'This computer:',
    summary: 'print a completion script for bash, zsh or fish',
    load: () => import('./commands/completion.ts'),
  },
]
