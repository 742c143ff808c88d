/**
 * What a profile needs of this computer, as plain data: sets of dependencies, each saying what it is for. `doctor` shows
 * them, `setup` installs them, a container image is made from the same ones.
 */
import type { PackageFamily } from '../host/distribution.ts'

/**
 * Names of packages: one for all distributions, or by family. An array holds alternatives, newest name first: the first
 * one that the archive knows is taken, since packages are renamed between releases.
 */
export type PackageNames = string | Readonly<Partial<Record<PackageFamily, string | readonly string[]>>>

/** What every dependency says. */
interface Said {
  /** What it is for, as the end of "…, which": `compiles the kernel`. */
  readonly why: string
  /** Nice to have: `doctor` shows it, nothing fails without it. Default false. */
  readonly isOptional?: boolean
}

/** A package that has no program of its own: headers, libraries, firmware. */
export interface PackageDependency extends Said {
  readonly kind: 'package'
  readonly packages: PackageNames
}

/** A program in PATH, from any source. */
export interface ProgramDependency extends Said {
  readonly kind: 'program'
  readonly program: string
  /** Any of these will do as well: `clang` for `gcc`. */
  readonly alternatives?: readonly string[]
  /** As semver reads it, missing parts being zero: `6`, `1.20`, `5.10.3`. */
  readonly minimum?: string
  /** Makes it say its version; default `['--version']`. */
  readonly versionArgs?: readonly string[]
  readonly packages: PackageNames
}

/** A Rust toolchain, by rustup. */
export interface RustToolchainDependency extends Said {
  readonly kind: 'rust-toolchain'
  /** `nightly-2022-11-21`. Default: what the source tree's `rust-toolchain.toml` or `rust-toolchain` says, else stable. */
  readonly channel?: string
  /** On top of those in the file: `rust-src`. */
  readonly components?: readonly string[]
  /** On top of those in the file: `x86_64-unknown-none`. */
  readonly targets?: readonly string[]
}

/** A program from crates.io, by `cargo install --locked`. */
export interface CargoDependency extends Said {
  readonly kind: 'cargo'
  readonly program: string
  /** Default: the program's name. */
  readonly crate?: string
  /** Exactly this one: cargo keeps one version of a program. Default: the newest. */
  readonly version?: string
}

/** A program from the npm registry, in a folder of this user's. */
export interface NpmDependency extends Said {
  readonly kind: 'npm'
  readonly program: string
  /** Default: the program's name. */
  readonly package?: string
  readonly version?: string
}

/** A Python module that `python3` can import. */
export interface PythonDependency extends Said {
  readonly kind: 'python'
  /** As it is imported. */
  readonly module: string
  /** The distribution's package of it; pip installs it where the distribution has none. */
  readonly packages?: PackageNames
  /** Name on PyPI, for a virtual environment of this user's where the distribution has none. Default: the module's name. */
  readonly pip?: string
}

/** A file that has to be somewhere: firmware. */
export interface FileDependency extends Said {
  readonly kind: 'file'
  /** Absolute; any of them will do. */
  readonly paths: readonly [string, ...string[]]
  readonly packages?: PackageNames
}

/** Rights of a program without being root (capabilities(7)). */
export interface CapabilityDependency extends Said {
  readonly kind: 'capability'
  readonly program: string
  /** `cap_net_raw`. */
  readonly capabilities: readonly [string, ...string[]]
  readonly packages: PackageNames
}

/** A device that this user has to be able to open. */
export interface DeviceAccessDependency extends Said {
  readonly kind: 'device-access'
  readonly path: string
  /** Whose members distributions let open it: `kvm`. */
  readonly group: string
}

export type Dependency =
  | PackageDependency
  | ProgramDependency
  | RustToolchainDependency
  | CargoDependency
  | NpmDependency
  | PythonDependency
  | FileDependency
  | CapabilityDependency
  | DeviceAccessDependency

/** Dependencies that are needed together. */
export interface DependencySet {
  /** `build`, `run`, `test`, `docs`; others as a profile divides them: `rumpkernel`. */
  readonly name: string
  /** `what compiles the kernel and its modules`. */
  readonly summary: string
  readonly dependencies: readonly Dependency[]
}

/** Alternatives of a family, newest name first; empty where it has no such package. */
export function namesIn(packages: PackageNames | undefined, family: PackageFamily): readonly string[] {
  const names = typeof packages === 'string' ? packages : packages?.[family]
  return names === undefined ? [] : typeof names === 'string' ? [names] : names
}
