/** Progress of an operation: a task list with the running command's last line on a terminal, plain lines elsewhere. */
import { Listr } from 'listr2'
import { screenLine, visible } from '../guest-text.ts'
import type { StepEvent } from '../steps/apply.ts'
import { formatCommand, type RootPrefix } from '../steps/host-command.ts'
import type { OperationPlan } from '../steps/plan-operation.ts'
import type { Step } from '../steps/step.ts'
import type { Output } from './output.ts'

export interface Progress {
  readonly onEvent: (event: StepEvent) => void
  /** Resolves when nothing more is drawn. */
  readonly end: () => Promise<void>
}

/** @param prefix How root is had: commands are shown as they are run. */
export function showProgress(plan: OperationPlan, output: Output, prefix: RootPrefix): Progress {
  return !output.isJson && process.stderr.isTTY === true && process.env.TERM !== 'dumb'
    ? taskList(plan, prefix)
    : plainLines(output, prefix)
}

function plainLines(output: Output, prefix: RootPrefix): Progress {
  const { errorColors: colors } = output
  return {
    onEvent: (event) => {
      if (event.kind === 'begin') output.progress(`→ ${event.title}`)
      if (event.kind === 'command')
        output.progress(colors.dim(`  $ ${formatCommand(event.command, prefix).split('\n')[0]}`))
      if (event.kind === 'line') output.progress(colors.dim(`  │ ${screenLine(event.line)}`))
      if (event.kind === 'done') output.progress(`${colors.green('✓')} ${event.title}`)
      if (event.kind === 'passed') output.progress(`${colors.green('✓')} ${event.title}: ${event.detail}`)
      if (event.kind === 'reboot') output.progress(`${colors.yellow('↻')} ${event.title}: ${event.detail}`)
      if (event.kind === 'failed') output.progress(`${colors.red('✗')} ${event.title}`)
    },
    end: async () => {},
  }
}

/** The engine does the work; every task of the list waits for the events of its step. */
function taskList(plan: OperationPlan, prefix: RootPrefix): Progress {
  const tasks = new Map<Step, Handle>()
  const list = new Listr(
    plan.steps.map(({ step, title }) => ({
      title: visible(title),
      task: (_: unknown, task) =>
        new Promise<void>((resolve, reject) => {
          tasks.set(step, {
            say: (line) => {
              task.output = line
            },
            finish: resolve,
            fail: () => reject(new Error(title)),
            pass: () => {
              task.skip(title)
              resolve()
            },
          })
        }),
    })),
    {
      concurrent: true,
      exitOnError: false,
      rendererOptions: { collapseErrors: true, showErrorMessage: false },
    },
  )
  const drawn = list.run().catch(() => {})
  return {
    onEvent: (event) => {
      const task = tasks.get(event.step)
      if (event.kind === 'command')
        task?.say(visible(`$ ${formatCommand(event.command, prefix).split('\n')[0]}`))
      if (event.kind === 'line') task?.say(screenLine(event.line))
      if (event.kind === 'failed') task?.fail()
      if (event.kind === 'done' || event.kind === 'passed' || event.kind === 'reboot') task?.finish()
    },
    end: async () => {
      for (const task of tasks.values()) task.pass()
      await drawn
    },
  }
}

interface Handle {
  readonly say: (line: string) => void
  readonly finish: () => void
  readonly fail: () => void
  /** It was not reached. */
  readonly pass: () => void
}
