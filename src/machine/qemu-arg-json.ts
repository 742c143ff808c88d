/** JSON in arguments for QEMU of the user's own, which older QEMUs take for something else. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { QemuCapabilities } from './facts.ts'
import { isInJson, readQemuArgs } from './qemu-args.ts'

export const problems = defineDiagnostics({
  QEMU_ARG_JSON_UNKNOWN: {
    title: 'An option of this QEMU takes no JSON.',
    why: 'older QEMUs read JSON as the name of a device, or look for an id in it',
    remedy: 'write it as vmgenid,key=value, or use a newer QEMU',
    source: 'QEMU 5.2: "is not a valid device model name", "Parameter \'id\' is missing"',
    qemu: 'refuses',
  },
})

/**
 * The feature that QEMU must have for JSON as the value of an option. JSON for -netdev came with networks over streams
 * (net/net.c of QEMU 7.2, netdev_is_modern).
 */
const NEEDED: Readonly<Record<string, string>> = {
  device: 'device-json',
  object: 'object-json',
  netdev: 'net-stream',
}

export function checkArgJson(
  words: readonly string[],
  qemu: Pick<QemuCapabilities, 'version' | 'features'> | undefined,
): readonly Diagnostic[] {
  if (qemu === undefined) return []
  return readQemuArgs(words).flatMap((option) => {
    const { name, value, index } = option
    const feature = isInJson(option) && Object.hasOwn(NEEDED, name) ? NEEDED[name] : undefined
    if (feature === undefined || qemu.features.includes(feature)) return []
    const what = `-${name} ${value}, and QEMU ${qemu.version.join('.')} takes no JSON there`
    return [problems.QEMU_ARG_JSON_UNKNOWN.at(`qemuArgs[${index + 1}]`, what)]
  })
}
