/** udev of a Debian guest loads its drivers while services start, the command channel among them. */
import { type Diagnostic, defineDiagnostics } from '../../../diagnostics.ts'
import type { Settling } from '../../profile.ts'
import { answerWithin, NOT_FOUND } from '../../settling.ts'

export const problems = defineDiagnostics({
  DEBIAN_DRIVERS_LATE: {
    severity: 'warning',
    title: 'The guest’s udev was still loading drivers when the command started.',
    why: 'devices whose driver was not loaded yet are missing from /dev and /sys',
    remedy:
      'run `udevadm settle` in front of the command; `journalctl -u systemd-udevd` in the guest says what it does',
  },
})

const SETTLE_SECONDS = 600
/** udevadm ends by itself first. */
const WAIT_MS = (SETTLE_SECONDS + 30) * 1000

/**
 * Waits until every device that the kernel has found was handled. NVDIMMs are probed beside that: reading `wait_probe`
 * ends when they are there, and then udev has their drivers to load.
 */
const SCRIPT = `settle() { udevadm settle --timeout=${SETTLE_SECONDS}; }
settle || exit
for probe in /sys/class/nd/ndctl*/device/wait_probe; do
  [ ! -e $probe ] || read -r none < $probe
done
settle`
const SETTLE = ['sh', '-c', SCRIPT] as const

/** What the first command waits for: without it a guest under load runs commands before its devices are there. */
export const settleDrivers: Settling = async (run): Promise<readonly Diagnostic[]> => {
  const { exitCode, stderr } = await answerWithin(run, SETTLE, WAIT_MS)
  // A system that has removed udev loads its drivers otherwise.
  if (exitCode === 0 || exitCode === NOT_FOUND) return []
  return [
    problems.DEBIAN_DRIVERS_LATE.at('', `udevadm settle ended with ${exitCode}`, {
      evidence: stderr === '' ? [] : [stderr],
    }),
  ]
}
