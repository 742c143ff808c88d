/** A QEMU from packages for tests: installed once per computer, used by all. */

import satisfies from 'semver/functions/satisfies.js'
import type { QemuBinary } from '../../src/machine/facts.ts'
import { namedQemu } from '../../src/qemus/choose.ts'
import { installedQemus } from '../../src/qemus/installed.ts'
import { installFromPackages } from '../../src/qemus/packages/install.ts'

/**
 * The installed QEMU that fits the range; installs one from the packages of the distribution if none fits. A test
 * that needs it fails where the packages cannot be fetched.
 *
 * @example
 * const qemu = await packagedQemu('^10.0') // { path, starting }: for readCapabilities, startQemu
 */
export async function packagedQemu(range: string): Promise<QemuBinary & { readonly name: string }> {
  const has = (version: string) => satisfies(version, range)
  const { name } =
    installedQemus().find(({ record }) => record.from.kind === 'packages' && has(record.version)) ??
    (await installFromPackages({ spec: range }))
  return { name, ...namedQemu('x86_64', name) }
}
