/** What the guest boots, and by which firmware. */
import { isAbsolute, resolve } from 'node:path'
import {
  type Argument,
  type Compiled,
  defineDevice,
  type MachineView,
  option,
  type RuleContext,
} from '../device.ts'
import type { HardwareView } from '../guest-view.ts'
import { type BootConfig, bootSchema, ovmf } from './boot-options.ts'
import { check, problems, qbootServes } from './boot-rules.ts'
import { pciFunction } from './pci-expectation.ts'

export { firmwareOf } from './boot-options.ts'

const PATHS = ['kernel', 'initrd', 'esp', 'code', 'variables'] as const

const pathsIn = (boot: BootConfig) =>
  PATHS.flatMap((key) => (boot[key] === undefined ? [] : [[key, boot[key]] as const]))

/** No devices that the description does not name, no window, no configuration of this computer's. */
const BARE: readonly Argument[] = [
  ['-nodefaults'],
  ['-no-user-config'],
  ['-display', 'none'],
  ['-vga', 'none'],
]

function compile(boot: BootConfig, context: RuleContext): Compiled {
  const kernel = [
    ...(boot.kernel === undefined ? [] : [['-kernel', boot.kernel] as const]),
    ...(boot.initrd === undefined ? [] : [['-initrd', initrdOf(boot.initrd, boot.kernel, context)] as const]),
    ...(boot.append === undefined ? [] : [['-append', boot.append] as const]),
  ]
  const { firmware } = context.machine
  if (firmware === 'uefi') return compileUefi(boot, context, kernel)
  return {
    args: [
      ...BARE,
      ...(firmware === 'direct' && qbootServes(boot, context) ? [['-bios', 'qboot.rom'] as const] : []),
      ...kernel,
    ],
  }
}

/** For a multiboot kernel it is a list of modules, with commas between them (load_multiboot in hw/i386/multiboot.c of QEMU). */
function initrdOf(initrd: string, kernel: string | undefined, { facts }: RuleContext): string {
  const isList = facts.files.get(kernel ?? '')?.kernel?.protocol === 'multiboot'
  return isList ? initrd.replaceAll(',', ',,') : initrd
}

function compileUefi(boot: BootConfig, { facts }: RuleContext, kernel: readonly Argument[]): Compiled {
  const { code, variables } = ovmf(boot, facts)
  const flash = (unit: number, file: string, more: Readonly<Record<string, boolean>>) =>
    option('-drive', undefined, { if: 'pflash', unit, format: 'raw', file, ...more })
  return {
    args: [
      ...BARE,
      flash(0, code ?? 'OVMF_CODE_4M.fd', { readonly: true }),
      // Without a path of the user's own the variables are the distribution's file: writes go to a copy that QEMU drops.
      flash(1, variables ?? 'OVMF_VARS_4M.fd', boot.variables === undefined ? { snapshot: true } : {}),
      ...espArgs(boot),
      ...kernel,
    ],
    locks: boot.variables === undefined ? [] : [{ path: boot.variables, mode: 'exclusive' }],
  }
}

/** `-blockdev` takes the folder as a key of its own, so that colons (as in `fat:rw:`) mean nothing. */
function espArgs(boot: BootConfig): readonly Argument[] {
  if (boot.esp === undefined) return []
  return [
    option('-blockdev', undefined, {
      driver: 'vvfat',
      'node-name': 'esp',
      dir: boot.esp,
      label: 'ESP',
      'read-only': true,
    }),
    // A kernel that QEMU loads itself has index 0.
    option('-device', 'virtio-blk-pci', {
      id: 'esp-disk',
      drive: 'esp',
      bootindex: boot.kernel === undefined ? 0 : undefined,
    }),
  ]
}

const isVirtioDisk = ({ kind, config }: MachineView['devices'][number]) =>
  kind === 'disk' && (config as { readonly bus?: string }).bus === 'virtio'

/** What is booted. */
export const boot = defineDevice({
  kind: 'boot',
  summary: 'Kernel, initial RAM disk, command line, firmware',
  schema: bootSchema,
  diagnostics: problems,
  savedState: () => true,
  place: (boot, home) => ({
    ...boot,
    ...Object.fromEntries(
      pathsIn(boot).map(([key, path]) => [key, isAbsolute(path) ? path : resolve(home.folder, path)]),
    ),
  }),
  paths: (boot) => pathsIn(boot).map(([, path]) => path),
  needs: (boot) => (boot.esp === undefined ? {} : { types: ['virtio-blk-pci'] }),
  check,
  compile,
  mustSee: (boot, { machine }) => [
    {
      device: 'boot',
      aspect: 'firmware',
      want: machine.firmware === 'uefi' ? 'UEFI' : 'BIOS',
      see: ({ firmware }) => firmware && (firmware === 'uefi' ? 'UEFI' : 'BIOS'),
    },
    // The volume is a virtio disk behind those that the machine describes.
    ...(boot.esp === undefined || machine.firmware !== 'uefi'
      ? []
      : [pciFunction('boot esp', '1af4:1001', machine.devices.filter(isVirtioDisk).length)]),
    ...(machine.firmware === 'direct' && boot.append !== undefined
      ? [
          {
            device: 'boot',
            aspect: 'command line',
            want: boot.append,
            // PVH and multiboot loaders may put the kernel's name before the command line; Linux's boot stub adds words.
            see: (view: HardwareView) =>
              view.commandLine &&
              (view.commandLine.includes(boot.append ?? '') ? boot.append : view.commandLine),
          },
        ]
      : []),
  ],
  notCompared: (boot, { machine }) =>
    machine.firmware !== 'direct' && boot.append !== undefined
      ? [
          {
            device: 'boot',
            aspect: 'command line',
            because: 'it reaches the guest through the firmware, which may change it',
          },
        ]
      : [],
})
