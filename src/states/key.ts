/** The key of a saved state: a digest of all that it depends on. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Argument } from '../machine/device.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { contentOf } from '../qemu/cache.ts'
import { FORMAT } from './record.ts'

/** Options of QEMU whose value is a file that is read before the guest runs. */
const FILES_READ = new Set(['-kernel', '-initrd', '-dtb', '-bios'])

/**
 * The key of the state that a machine has at its first answer: 32 hexadecimal digits.
 *
 * A machine is saved only while its stores are empty, so their paths do not matter.
 *
 * @param args of the plan, with RAM in backends of its own
 * @throws the system's error where a file cannot be read
 */
export function keyOf(
  {
    qemu,
    profile,
    accelerator,
    facts,
    stores,
  }: Pick<GuestPlan, 'qemu' | 'profile' | 'accelerator' | 'facts' | 'stores'>,
  args: readonly Argument[],
  cacheFolder: string,
): string {
  const read = args.flatMap(([flag, value]) =>
    FILES_READ.has(flag) && value !== undefined ? [[flag, contentOf(value, cacheFolder)]] : [],
  )
  const parts = {
    format: FORMAT,
    qemu: [qemu.path, facts.qemuSha256, qemu.starting?.record],
    profile,
    accelerator: accelerator.name,
    // A guest of KVM has features of the CPU that it was started on.
    cpu: accelerator.name === 'kvm' ? cpuOfHost() : undefined,
    // The name of the guest is only that of the process.
    args: args
      .filter(([flag]) => flag !== '-name')
      .map(([flag, value]) => [flag, value && withoutPaths(value, stores)]),
    read,
  }
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}

function withoutPaths(value: string, stores: GuestPlan['stores']): string {
  return stores.reduce(
    (text, { path, device }) => text.replaceAll(path.replaceAll(',', ',,'), `{store:${device}}`),
    value,
  )
}

/** Model, stepping, microcode and features of the first CPU. */
function cpuOfHost(): string {
  const [first = ''] = readFileSync('/proc/cpuinfo', 'utf8').split('\n\n')
  return first
    .split('\n')
    .filter((line) => !/^(cpu MHz|bogomips|processor|core id|apicid|initial apicid)\b/.test(line))
    .join('\n')
}
