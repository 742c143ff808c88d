/** Options of `qemu install` for builds from source; apart from the build itself, so that help loads nothing of it. */
import { SOURCE_FEATURES } from '../../../qemus/source/features.ts'
import type { OptionSpec } from '../../command.ts'

export const SOURCE_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--with <features>',
    description: `features to build in: ${SOURCE_FEATURES.map((f) => f.name).join(',')}, or any of configure's`,
  },
  { flags: '--targets <architectures>', description: 'architectures to emulate (default: x86_64)' },
  { flags: '--debug', description: 'build without optimisation and with debug information, for gdb' },
  { flags: '--tools', description: 'build only rdmacm-mux, in seconds' },
  { flags: '--jobs <n>', description: 'compilers side by side (default: the CPUs of this process)' },
  { flags: '--sha256 <digest>', description: 'digest that the release or tarball must have' },
  {
    flags: '--mirror <url>',
    description: 'download releases from here; signatures are checked all the same',
  },
]
