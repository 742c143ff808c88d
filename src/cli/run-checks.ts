/** What `run` refuses once the plan is known: options that need a command in one guest. */
import type { RunPlan } from '../plan/run-plan.ts'
import type { PlannedRun } from '../project/run-planning.ts'
import type { Invocation } from './command.ts'
import { copiesOf } from './copy-options.ts'
import { isSupervised } from './detach-options.ts'
import { isAtTerminal } from './guest-terminal.ts'
import { usageError } from './usage.ts'

/** Whether a command runs in its first guest, or a shell on the terminal. */
const hasWork = ({ guests: [guest] }: RunPlan) =>
  (guest?.command.length ?? 0) > 0 || isAtTerminal({ isJson: false })

/** @throws BringupError where no command runs that could have that root */
export function checkHostRoot({ plan, guests }: PlannedRun, { options, output }: Invocation): void {
  const hasCommand = hasWork(plan)
  if (plan.isRack || isSupervised(options) || !guests[0]?.profile.inHostRoot || !hasCommand)
    throw usageError(
      '--root host goes with a command, or a shell, in one guest that can mount it',
      'add a profile and a command: bringup run --profile linux --root host -- python3 --version',
    )
  if (process.getuid?.() === 0)
    output.note(
      output.errorColors.yellow(
        'bringup runs as root: the guest can read every file of this computer, /etc/shadow included',
      ),
    )
}

/** @throws BringupError where no command runs that files could be copied for */
export function refuseCopies({ plan, guests }: PlannedRun, { options }: Invocation): void {
  const { ins, outs } = copiesOf(options)
  const [guest] = guests
  if (ins.length + outs.length === 0) return
  const isWithout = !guest?.profile.hasShell || !hasWork(plan)
  if (plan.isRack || isWithout)
    throw usageError(
      '--copy-in and --copy-out go with a command, or a shell, in one guest',
      'add a command: bringup run --profile linux --copy-in data:/data -- ls /data',
    )
}
