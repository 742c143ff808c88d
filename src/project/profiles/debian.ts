/** A whole Debian with GRUB on a disk, for what needs a distribution: boot loaders, services, packages, reboots. */
import type { MachineInput } from '../../machine/machine.ts'
import { defineProfile, type PrepareContext, type Profile } from '../profile.ts'
import { kernelProblems, kernelRemarks } from './debian/cloud-kernel.ts'
import { settleNetwork } from './debian/network.ts'
import type { Image } from './debian/prepare.ts'
import type { DebianOptions } from './debian/recipe.ts'
import { settleDrivers } from './debian/udev.ts'
import { LINUX_ENDS } from './linux/ends.ts'
import { KERNEL_LOG } from './linux/kernel-reports.ts'
import { linuxRdma, rdmaSettling } from './linux/rdma.ts'
import { parseView, VIEW_COMMAND } from './linux/view.ts'

export type { DebianOptions } from './debian/recipe.ts'

/** Firmware, GRUB, initial RAM disk and systemd take their time where there is no KVM. */
const TIMEOUT = '10m'
const AT_A_TERMINAL = '12h'

export interface DebianProfileOptions extends DebianOptions {
  readonly name?: string
  /** `bios` and `uefi` start GRUB; `direct` starts the image's kernel without it, which is quicker. Default: `bios`. */
  readonly firmware?: 'bios' | 'uefi' | 'direct'
}

/**
 * The Debian profile with other packages, another release or another size.
 *
 * @example
 * defineConfig({ profiles: [debianProfile({ name: 'debian-docker', packages: ['docker.io'], size: '4G' })] })
 */
export function debianProfile({
  name = 'debian',
  firmware = 'bios',
  ...options
}: DebianProfileOptions = {}): Profile {
  return defineProfile({
    name,
    summary: 'a whole Debian on a disk: GRUB (BIOS or UEFI), systemd, apt, a network',
    defaults: {
      memory: { size: '1G' },
      timeout: TIMEOUT,
      boot: { firmware },
      devices: [
        { kind: 'virtio-console', id: 'shell', name: 'org.bringup.shell', purpose: 'shell' },
        { kind: 'nic', id: 'net0' },
      ],
    },
    judgement: {
      exitCodes: { 0: { verdict: 'passed', meaning: 'the command returned 0' } },
      panicPatterns: ['(^|\\] )Kernel panic - not syncing', '(^|\\] )Oops: ', '(^|\\] )kernel BUG at '],
      ...LINUX_ENDS,
      onPowerOff: 'passed',
      onReset: 'stop',
    },
    needsLongMode: true,
    hasShell: true,
    canBeSaved: true,
    verifiesByDefault: false,
    async prepare(context) {
      const { prepareImage } = await import('./debian/prepare.ts')
      return {
        machine: machineOf(await prepareImage(options, context), context),
        ...kernelRemarks(options, context),
      }
    },
    async preview(context) {
      const { findImage } = await import('./debian/prepare.ts')
      const { pending, ...image } = await findImage(options, context)
      return {
        machine: machineOf(image, context),
        pending,
        ...kernelRemarks(options, context),
        diagnostics: kernelProblems(options, context),
      }
    },
    kernelLog: KERNEL_LOG,
    rdma: linuxRdma,
    settle: (plan) => {
      const others = [settleNetwork(plan), rdmaSettling(plan, { loadsDrivers: true })]
      return async (run) => {
        const found = [...(await settleDrivers(run))]
        for (const settle of others) found.push(...((await settle?.(run)) ?? []))
        return found
      }
    },
    async view({ run }) {
      if (!run) return undefined
      // A device that was plugged in since the first command has a driver to be loaded too.
      await settleDrivers(run)
      const { stdout, exitCode } = await run(VIEW_COMMAND)
      return exitCode === 0 ? parseView(stdout) : undefined
    },
  })
}

function machineOf(
  { disk, kernel, initrd }: Image,
  { machine: { boot }, command, terminal }: PrepareContext,
): MachineInput {
  const isDirect = boot?.firmware === 'direct' || (boot?.firmware === undefined && boot?.kernel !== undefined)
  const isInteractive =
    (terminal && command.length > 0) || (command.length === 0 && process.stdin.isTTY === true)
  return {
    // A directly started kernel takes the first place in the order of boot itself.
    devices: [{ kind: 'disk', id: 'root', base: disk, ...(isDirect ? {} : { bootindex: 0 }) }],
    ...(isDirect ? { boot: { kernel, initrd, append: COMMAND_LINE } } : {}),
    ...(isInteractive ? { timeout: AT_A_TERMINAL } : {}),
  }
}

/** What the image's own GRUB says, `files/etc/default/grub`. */
const COMMAND_LINE = 'root=LABEL=bringup-root ro console=ttyS0 net.ifnames=0 panic=-1 quiet'

export const debian = debianProfile()
