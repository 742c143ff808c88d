/** Every kind of dependency. A new one is one new file in `kinds/` and its line here. */
import type { Dependency } from './dependency.ts'
import type { DependencyKind } from './kind.ts'
import { capability } from './kinds/capability.ts'
import { cargo } from './kinds/cargo.ts'
import { deviceAccess } from './kinds/device-access.ts'
import { file } from './kinds/file.ts'
import { npm } from './kinds/npm.ts'
import { packageKind } from './kinds/package.ts'
import { program } from './kinds/program.ts'
import { python } from './kinds/python.ts'
import { rustToolchain } from './kinds/rust-toolchain.ts'

const KINDS: { readonly [Kind in Dependency['kind']]: DependencyKind<Extract<Dependency, { kind: Kind }>> } =
  {
    package: packageKind,
    program,
    'rust-toolchain': rustToolchain,
    cargo,
    npm,
    python,
    file,
    capability,
    'device-access': deviceAccess,
  }

/** The kind of that dependency. */
export function kindOf(dependency: Dependency): DependencyKind {
  return KINDS[dependency.kind] as unknown as DependencyKind
}
