/** What keeps a guest from running once QEMU was started, as findings. */
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { QmpEnded, QmpError } from '../qemu/qmp.ts'
import type { Json } from '../qemu/qmp-types.ts'
import { problems as judgeProblems } from './judge-problems.ts'

export const problems = defineDiagnostics({
  QEMU_SILENT: {
    title: 'QEMU did not answer before the guest ran.',
    why: 'the guest runs only once QEMU has answered every command of the start',
    remedy:
      'check that no file of the machine (kernel, initrd, disk) is a pipe or on a server that does not answer, and that --qemu names a QEMU; a machine that takes long to start needs a longer --timeout',
  },
  QEMU_OTHER_VERSION: {
    title: 'Another version of QEMU started than the machine was planned for.',
    why: 'a script that starts QEMU may start another one than when bringup asked it for its version and its features',
    remedy:
      'name the QEMU itself, not a script whose target changes; or change the script too, so that bringup asks again',
  },
  QMP_BROKEN: {
    title: 'QEMU answered with something that is not QMP.',
    why: 'bringup controls the machine by QMP (docs/interop/qmp-spec.rst) and cannot rely on the connection any more',
    remedy: 'check that --qemu names a QEMU system emulator and not a wrapper that prints to its descriptors',
  },
})

/** @param awaited What QEMU did not answer. */
export function silent(awaited: string | undefined, afterMs: number): Diagnostic {
  const what =
    awaited === undefined || awaited === 'greeting'
      ? `QEMU gave no QMP greeting within ${afterMs} ms`
      : `QEMU did not answer "${awaited}" within ${afterMs} ms`
  return problems.QEMU_SILENT.at('', what)
}

/** The greeting of QMP names the version (qapi/control.json, VersionInfo). */
export function checkVersion(planned: string, greeting: Json): readonly Diagnostic[] {
  const { version: { qemu } = {} } = greeting as Greeting
  if (planned === '' || qemu === undefined) return []
  const started = [qemu.major, qemu.minor, qemu.micro].join('.')
  const what = `QEMU ${started} started, and the machine was planned for ${planned}`
  return started === planned ? [] : [problems.QEMU_OTHER_VERSION.at('qemu', what)]
}

interface Greeting {
  readonly version?: {
    readonly qemu?: { readonly major: number; readonly minor: number; readonly micro: number }
  }
}

/** Empty where QEMU has gone: how it ended says more. */
export function startProblem(cause: unknown): readonly Diagnostic[] {
  if (cause instanceof BringupError) return cause.diagnostics
  if (cause instanceof QmpEnded) return cause.isGone ? [] : [problems.QMP_BROKEN.at('', cause.message)]
  const words = cause instanceof QmpError ? `QEMU refused "${cause.command}": ${cause.desc}` : String(cause)
  return [judgeProblems.QEMU_REFUSED.at('', words)]
}
