/** The Dockerfile of a build image, made from what the build depends on. Pure: the same recipe gives the same text. */

/** The person that works in the container: the caller, so that files made inside are the caller's outside. */
export interface ContainerUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** Everything an image is made of. */
export interface ContainerRecipe {
  /** The image that it starts from: `ubuntu:24.04`, `debian:12`. */
  readonly base: string
  readonly user: ContainerUser
  /** Packages of the base's distribution, with what each is for. */
  readonly packages: readonly { readonly name: string; readonly why: string }[]
  readonly rust?: {
    readonly channel: string
    readonly components: readonly string[]
    readonly targets: readonly string[]
  }
  /** Programs that cargo builds, after the compiler is there. */
  readonly crates: readonly { readonly name: string; readonly version?: string }[]
  readonly npm: readonly string[]
}

/** Where the source tree is seen inside. */
export const SOURCE = '/source'

/** Where bringup itself and its Node are mounted, so that the same commands work inside. */
export const OWN = {
  package: '/opt/bringup/package',
  packages: '/opt/bringup/node_modules',
  programs: '/opt/bringup/programs',
} as const

/** One version with its digest: what is fetched is what was looked at, whatever the server says later. */
const RUSTUP = 'https://static.rust-lang.org/rustup/archive/1.28.2/x86_64-unknown-linux-gnu/rustup-init'
/** For `sha256sum --check`, beside the installer. Source: rustup-init.sha256 of that version. */
export const RUSTUP_DIGEST = '20a06e644b0d9bd2fbdbfd52d42540bdde820ea7df86e92e533c073da0cdd43c  rustup-init\n'

/** `/root` for root; else a home of the caller's. */
export function homeOf({ uid, name }: ContainerUser): string {
  return uid === 0 ? '/root' : `/home/${name}`
}

/** Folders of the home that keep caches from container to container, in volumes. */
export const CACHE_FOLDERS = ['.cargo/registry', '.cargo/git', '.cache'] as const

export function dockerfile(recipe: ContainerRecipe): string {
  const { base, user, packages } = recipe
  const sections = [
    `# Made by bringup from the dependency sets of the profile. Do not edit: it is regenerated when they change.\nFROM ${base}`,
    installPackages(packages),
    exec('ln', '--symbolic', `${OWN.package}/dist/cli/bin.js`, '/usr/local/bin/bringup'),
    ...(user.uid === 0 ? [] : [addUser(user)]),
    [
      `ENV HOME=${homeOf(user)} USER=${user.name}`,
      `ENV PATH=${homeOf(user)}/.cargo/bin:${homeOf(user)}/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${OWN.programs}`,
      `USER ${user.uid}:${user.gid}`,
      `WORKDIR ${homeOf(user)}`,
      exec('mkdir', '--parents', ...CACHE_FOLDERS),
    ].join('\n'),
    ...(recipe.rust === undefined ? [] : [installRust(recipe.rust, user)]),
    ...recipe.crates.map(({ name, version }) =>
      exec('cargo', 'install', '--locked', name, ...(version === undefined ? [] : ['--version', version])),
    ),
    ...(recipe.npm.length === 0
      ? []
      : [exec('npm', 'install', '--global', `--prefix=${homeOf(user)}/.local`, ...recipe.npm)]),
    `WORKDIR ${SOURCE}\nCMD ["bash"]`,
  ]
  return `${sections.join('\n\n')}\n`
}

function installPackages(packages: ContainerRecipe['packages']): string {
  const sorted = packages.toSorted((a, b) => a.name.localeCompare(b.name))
  const comments = sorted.map(({ name, why }) => `# ${name}: ${why}`.replaceAll(/\s+/g, ' '))
  const install = exec('apt-get', 'install', '--yes', '--no-install-recommends', ...sorted.map((p) => p.name))
  return [
    'ARG DEBIAN_FRONTEND=noninteractive',
    exec('apt-get', 'update'),
    ...comments,
    ...(sorted.length === 0 ? [] : [install]),
  ].join('\n')
}

/** Names and numbers may be taken in the base image; the script knows. */
function addUser({ name, uid, gid }: ContainerUser): string {
  return `COPY add-user.sh /bringup/\n${exec('sh', '/bringup/add-user.sh', name, `${uid}`, `${gid}`)}`
}

/** rustup's own installer, started without a shell pipe. */
function installRust(
  { channel, components, targets }: NonNullable<ContainerRecipe['rust']>,
  user: ContainerUser,
): string {
  const list = (flag: string, words: readonly string[]) => words.flatMap((word) => [flag, word])
  return [
    `ADD --chown=${user.uid}:${user.gid} ${RUSTUP} rustup-init`,
    `COPY --chown=${user.uid}:${user.gid} rustup-init.sha256 ./`,
    exec('sha256sum', '--check', 'rustup-init.sha256'),
    exec('chmod', '755', 'rustup-init'),
    exec(
      './rustup-init',
      '-y',
      '--no-modify-path',
      '--profile=minimal',
      `--default-toolchain=${channel}`,
      ...list('--component', components),
      ...list('--target', targets),
    ),
  ].join('\n')
}

/** The exec form: no shell in between, every word one argument. */
function exec(...argv: readonly string[]): string {
  return `RUN ${JSON.stringify(argv)}`
}
