/** Where things lie in an nrk source tree, and what its compiler targets are called. */

/** Names of the target files (`NAME.json`), and the folder of each, in which rustc looks for it (RUST_TARGET_PATH). */
export const TARGETS = {
  bootLoader: { name: 'x86_64-uefi', folder: 'bootloader' },
  kernel: { name: 'x86_64-nrk', folder: 'kernel/src/arch/x86_64' },
  user: { name: 'x86_64-nrk-none', folder: 'usr' },
} as const

/** What the kernel's linker needs for programs with large pages; said in RUSTFLAGS, as the tree's own tool does. */
export const USER_RUSTFLAGS = '-Clink-arg=-zmax-page-size=0x200000'

export type TargetName = keyof typeof TARGETS

/** The folder of a target's artefacts, relative to the tree. */
export function artefactFolder(target: TargetName, isRelease: boolean): string {
  return `target/${TARGETS[target].name}/${isRelease ? 'release' : 'debug'}`
}

/**
 * Programs that the module `rkapps` becomes: one per feature, each a `.bin` beside the other user programs
 * (`usr/rkapps/build.rs`).
 */
export const RUMP_PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  redis: ['redis.bin'],
  memcached: ['memcached.bin'],
  nginx: ['nginx.bin'],
  'memcached-bench': ['memcachedbench.bin'],
  'leveldb-bench': ['dbbench.bin'],
  monetdb: ['monetdbd.bin', 'monetdb.bin'],
}

export const RUMP_MODULE = 'rkapps'
