/** What the firmware boots from: the files of the EFI system partition, the kernel's command line, and the iPXE script. */
import type { FileTree } from '../../images/image.ts'
import type { Wanted } from './build-options.ts'
import { artefactFolder, RUMP_MODULE, RUMP_PROGRAMS } from './layout.ts'

/** The files that a module becomes, once it is built. */
export function programsOf(module: string, { featuresOf }: Pick<Wanted, 'featuresOf'>): readonly string[] {
  if (module !== RUMP_MODULE) return [module]
  return featuresOf(module).flatMap((feature) => RUMP_PROGRAMS[feature] ?? [])
}

/** Names and places as nrk's boot loader looks for them. */
export function espFiles(wanted: Wanted): FileTree {
  const { isRelease } = wanted
  const programs = wanted.modules.flatMap((module) => programsOf(module, wanted))
  return {
    'EFI/Boot/BootX64.efi': { from: `${artefactFolder('bootLoader', isRelease)}/bootloader.efi` },
    kernel: { from: `${artefactFolder('kernel', isRelease)}/nrk` },
    'cmdline.in': { content: wanted.commandLine },
    ...Object.fromEntries(
      programs.map((program) => [program, { from: `${artefactFolder('user', isRelease)}/${program}` }]),
    ),
    'boot.php': { content: ipxeScript(programs) },
  }
}

/** For a computer that boots over the network: iPXE fetches all files, then starts the boot loader. */
function ipxeScript(programs: readonly string[]): string {
  const files = ['EFI/Boot/BootX64.efi', 'kernel', 'cmdline.in', ...programs]
  const lines = ['#!ipxe', ...files.map((file) => `imgfetch ${file}`), 'boot EFI/Boot/BootX64.efi']
  return `${lines.join('\n')}\n`
}
