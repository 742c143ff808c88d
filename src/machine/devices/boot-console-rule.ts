/** A Linux kernel prints on the first console only where its command line says so. */
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { quoteCommand } from '../../quote.ts'
import type { RuleContext } from '../device.ts'
import type { KernelFact } from '../facts.ts'
import type { BootConfig } from './boot-options.ts'

export const problems = defineDiagnostics({
  BOOT_CONSOLE_SILENT: {
    severity: 'warning',
    title: 'The command line of a Linux kernel names no console that bringup reads.',
    why: 'Linux prints on the screen, which bringup does not read, unless `console=` or the kernel’s own configuration names another console',
    remedy: 'add `console=ttyS0` to the command line',
    source: 'Linux: Documentation/admin-guide/serial-console.rst',
  },
})

/** Words by which Linux prints on COM1, or on a virtio console. */
const PRINTS_ON = {
  serial: /(^|[\s"])(console=(uart|ttyS0\b)|earlycon(=|\s|$)|earlyprintk=(serial|ttyS0))/,
  virtio: /(^|[\s"])console=hvc0\b/,
} as const

/** A bzImage without a command line may be another system, such as a memory tester. */
export function checkConsole(
  { append = '' }: BootConfig,
  { protocol }: KernelFact,
  { machine, path }: RuleContext,
): readonly Diagnostic[] {
  const isLinux = protocol === 'bzimage' || protocol === 'zimage' || /(^|\s)root=/.test(append)
  if (!isLinux || append.trim() === '') return []
  const type = machine.isConsoleVirtio ? 'virtio' : 'serial'
  if (PRINTS_ON[type].test(append)) return []
  const word = type === 'virtio' ? 'console=hvc0' : 'console=ttyS0'
  return [
    problems.BOOT_CONSOLE_SILENT.at(`${path}.append`, `append "${append}" has no ${word}`, {
      remedy: `add the word: ${quoteCommand(['--append', `${append} ${word}`]).join(' ')}`,
    }),
  ]
}
