/** Linux guests: a given kernel or this distribution's, with an initramfs that bringup makes. */
import { defineProfile, type Profile } from '../profile.ts'
import { LINUX_DEPENDENCIES } from './linux/dependencies.ts'
import { commandLine, type LinuxOptions, prepareLinux } from './linux/prepare.ts'
import { parseView, VIEW_COMMAND } from './linux/view.ts'

export type { LinuxOptions } from './linux/prepare.ts'

/** Somebody who types at a shell is not to be cut off after a minute. */
const AT_A_TERMINAL = '12h'

/**
 * The Linux profile with another kernel, more modules or more programs.
 *
 * @example
 * defineConfig({ profiles: [linuxProfile({ name: 'linux-full', kernelPackage: 'linux-image-amd64', programs: ['mkfs.ext4'] })] })
 */
export function linuxProfile({
  name = 'linux',
  ...options
}: LinuxOptions & { readonly name?: string } = {}): Profile {
  return defineProfile({
    name,
    summary:
      'a Linux kernel with busybox, the modules of the machine’s devices and the programs that are named',
    source: { url: 'https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git' },
    dependencies: LINUX_DEPENDENCIES,
    defaults: {
      memory: { size: '512M' },
      devices: [{ kind: 'virtio-console', id: 'shell', name: 'org.bringup.shell', purpose: 'shell' }],
    },
    judgement: {
      exitCodes: { 0: { verdict: 'passed', meaning: 'the command returned 0' } },
      panicPatterns: ['(^|\\] )Kernel panic - not syncing', '(^|\\] )Oops: ', '(^|\\] )kernel BUG at '],
      onPowerOff: 'passed',
      onReset: 'stop',
    },
    hasShell: true,
    verifiesByDefault: false,
    async prepare(context) {
      const { kernel, initrd } = await prepareLinux(options, context)
      const isInteractive = context.command.length === 0 && process.stdin.isTTY === true
      return {
        machine: {
          boot: { ...(kernel === undefined ? {} : { kernel }), initrd, append: commandLine(context.command) },
          ...(isInteractive ? { timeout: AT_A_TERMINAL } : {}),
        },
      }
    },
    async view({ run }) {
      if (!run) return undefined
      const { stdout, exitCode } = await run(VIEW_COMMAND)
      return exitCode === 0 ? parseView(stdout) : undefined
    },
  })
}

export const linux = linuxProfile()
