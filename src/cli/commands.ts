/** The list of commands. */
import type { CommandEntry } from './command.ts'

/** Every command. Loaded when called; a new command is one new file and its line here. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'run',
    group: 'Machines and runs:',
    summary: 'boot a kernel on a machine, and report the verdict',
    load: () => import('./commands/run.ts'),
  },
  {
    name: 'init',
    group: 'Source trees:',
    summary: 'write a bringup.config.ts for a source tree',
    load: () => import('./commands/init.ts'),
  },
  {
    name: 'build',
    group: 'Source trees:',
    summary: 'build what a machine boots, without booting it',
    load: () => import('./commands/build.ts'),
  },
  {
    name: 'plan',
    group: 'Machines and runs:',
    summary: 'check a machine, and show what a run would do',
    load: () => import('./commands/plan.ts'),
  },
  {
    name: 'machines',
    group: 'Machines and runs:',
    summary: 'list the machines and racks of the project, or show a machine in full',
    load: () => import('./commands/machines.ts'),
  },
  {
    name: 'trust',
    group: 'This computer:',
    summary: 'trust the configs in a folder that another user can write to',
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
    summary: 'list the running runs',
    load: () => import('./commands/ps.ts'),
  },
  {
    name: 'screen',
    group: 'Runs that stay:',
    summary: 'show what a guest draws on its screen, as text or as a picture',
    load: () => import('./commands/screen.ts'),
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
    summary: 'run a command in a guest of a running run',
    load: () => import('./commands/exec.ts'),
  },
  {
    name: 'cp',
    group: 'Runs that stay:',
    summary: 'copy files to or from a running guest',
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
    summary: 'manage the stores of NVDIMMs, and explain what they survive',
    load: () => import('./commands/nvdimm.ts'),
  },
  {
    name: 'checkout',
    group: 'Source trees:',
    summary: 'clone a source tree with its submodules',
    load: () => import('./commands/checkout.ts'),
  },
  {
    name: 'pmem',
    group: 'Persistent memory:',
    summary: 'use RAM of this computer as persistent memory',
    load: () => import('./commands/pmem.ts'),
  },
  {
    name: 'rdma',
    group: 'This computer:',
    summary: 'make RDMA of this computer ready for guests with a pvrdma',
    load: () => import('./commands/rdma.ts'),
  },
  {
    name: 'doctor',
    group: 'This computer:',
    summary: 'check this computer and its QEMU, and show what to fix',
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'qemu',
    group: 'This computer:',
    summary: 'install QEMUs side by side, and choose one',
    load: () => import('./commands/qemu.ts'),
  },
  {
    name: 'setup',
    group: 'Source trees:',
    summary: 'install the dependencies of the project',
    load: () => import('./commands/setup.ts'),
  },
  {
    name: 'update',
    group: 'Machines and runs:',
    summary: 'choose the newest versions of what runs boot',
    load: () => import('./commands/update.ts'),
  },
  {
    name: 'container',
    group: 'Source trees:',
    summary: 'build in a container with every build dependency',
    load: () => import('./commands/container.ts'),
  },
  {
    name: 'undo',
    group: 'This computer:',
    summary: 'undo an operation that changed this computer',
    load: () => import('./commands/undo.ts'),
  },
  {
    name: 'resume',
    group: 'This computer:',
    summary: 'continue an operation that was interrupted or waits for a reboot',
    load: () => import('./commands/resume.ts'),
  },
  {
    name: 'operations',
    group: 'This computer:',
    summary: 'list the operations that changed this computer',
    load: () => import('./commands/operations.ts'),
  },
  {
    name: 'completion',
    group: 'This computer:',
    summary: 'print a completion script for bash, zsh or fish',
    load: () => import('./commands/completion.ts'),
  },
]
