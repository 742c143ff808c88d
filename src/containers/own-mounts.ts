/** bringup itself, seen from inside a container: its package, what that needs, and the Node that runs it. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { PACKAGE_FOLDER } from '../package-folder.ts'
import { OWN } from './dockerfile.ts'
import type { ContainerPlan } from './run-args.ts'

export function ownMounts(): NonNullable<ContainerPlan['mounts']> {
  const packages = dirname(
    dirname(createRequire(join(PACKAGE_FOLDER, 'package.json')).resolve('jiti/package.json')),
  )
  return [
    { from: PACKAGE_FOLDER, to: OWN.package },
    // Installed as a package of a project, bringup has its own packages beside it.
    ...(packages.startsWith(`${PACKAGE_FOLDER}/`) ? [] : [{ from: packages, to: OWN.packages }]),
    { from: process.execPath, to: `${OWN.programs}/node` },
  ]
}
