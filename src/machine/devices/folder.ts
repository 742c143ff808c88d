/** A folder of this computer, served to the guest by QEMU itself over 9p. */
import { posix, resolve } from 'node:path'
import type { Diagnostic } from '../../diagnostics.ts'
import { plural } from '../../plural.ts'
import { type Compiled, defineDevice, option, type RuleContext } from '../device.ts'
import type { GuestView } from '../guest-view.ts'
import { problems } from './folder-problems.ts'
import {
  type FolderConfig,
  foldersOf,
  guestPathOf,
  type PlacedFolder,
  parentOf,
  schema,
  whyNoMountPoint,
} from './folder-schema.ts'
import {
  checkVirtiofs,
  VIRTIOFS_DAEMONS,
  virtiofsArgs,
  virtiofsdWords,
  virtiofsProblems,
} from './folder-virtiofs.ts'
import { pciFunction } from './pci-expectation.ts'

/** MAX_TAG_LEN in hw/9pfs/9p.h of QEMU, without the terminating zero. */
const TAG_LENGTH = 31

export const folder = defineDevice({
  kind: 'folder',
  summary: 'a folder of this computer, mounted in the guest (9p or virtiofs)',
  schema,
  diagnostics: { ...problems, ...virtiofsProblems },
  savedState: ({ transport }) =>
    transport === '9p' || 'virtiofsd cannot restore its side of a saved state; use 9p',
  flag: {
    name: 'folder',
    first: 'path',
    example: 'src:/mnt/src,readonly',
    help: 'share this folder with the guest: PATH[:GUEST][,overlay|readonly|rw][,virtiofs]',
    readFirst: (text): Readonly<Record<string, string>> => {
      const at = text.lastIndexOf(':')
      return at <= 0 ? { path: text } : { path: text.slice(0, at), guest: text.slice(at + 1) }
    },
    words: {
      overlay: { access: 'overlay' },
      readonly: { access: 'readonly' },
      ro: { access: 'readonly' },
      rw: { access: 'rw' },
      virtiofs: { transport: 'virtiofs' },
    },
  },
  place: (config, home) => {
    const path = resolve(home.folder, config.path)
    return { ...config, path, guest: guestPathOf({ ...config, path }) }
  },
  paths: (config, machine) => [
    config.path,
    ...mountPoint(config, foldersOf(machine)),
    ...(config.transport === 'virtiofs' ? VIRTIOFS_DAEMONS : []),
  ],
  needs: ({ transport }) => ({
    types: transport === 'virtiofs' ? ['vhost-user-fs-pci', 'memory-backend-memfd'] : ['virtio-9p-pci'],
  }),
  check,

  compile: (config, { facts, machine }) =>
    config.transport === 'virtiofs' ? served(config, { facts, machine }) : exported(config),

  topology: ({ access }) => ({ detail: access }),

  mustSee(config, { machine, path }) {
    const { id = 'folder0' } = config
    const guest = guestPathOf(config)
    const device = `folder ${id}`
    const isServed = config.transport === 'virtiofs'
    const ordinal = foldersOf(machine)
      .filter((other) => other.config.transport === config.transport)
      .findIndex((other) => other.at === path)
    return [
      pciFunction(device, isServed ? '1af4:105a' : '1af4:1009', ordinal),
      // The driver of virtiofs shows no tags (Linux before 6.9); the mount is by the tag.
      ...(isServed
        ? []
        : [
            {
              device,
              aspect: 'mount tag',
              want: id,
              see: ({ folders }: GuestView) => folders && (folders.tags.includes(id) ? id : null),
            },
          ]),
      {
        device,
        aspect: 'mounted at',
        want: guest,
        see: ({ folders }) => folders && (folders.mounts.includes(guest) ? guest : null),
      },
    ]
  },
  notCompared: ({ id = 'folder0', access }) => [
    { device: `folder ${id}`, aspect: `access ${access}`, because: 'the comparison writes no files' },
  ],
})

function served(config: FolderConfig, { facts, machine }: Pick<RuleContext, 'facts' | 'machine'>): Compiled {
  const { id = 'folder0' } = config
  return {
    args: virtiofsArgs(id),
    joins: [
      {
        id: `${id}-folder`,
        kind: 'folder',
        resource: `${machine.name}/${id}`,
        device: id,
        daemon: virtiofsdWords(config, facts),
      },
    ],
  }
}

function exported({ id = 'folder0', path, access }: FolderConfig): Compiled {
  return {
    args: [
      // Without multidevs=remap, files of several file systems of this computer may share an inode number.
      option('-fsdev', 'local', {
        id: `${id}-files`,
        path,
        security_model: 'none',
        multidevs: 'remap',
        ...(access === 'rw' ? {} : { readonly: true }),
      }),
      option('-device', 'virtio-9p-pci', { id, fsdev: `${id}-files`, mount_tag: id }),
    ],
  }
}

/** Where the mount point lies on this computer, if it has to be there. */
function mountPoint(config: FolderConfig, folders: readonly PlacedFolder[]): readonly string[] {
  const guest = guestPathOf(config)
  const parent = parentOf(guest, folders)
  if (parent === undefined || parent.config.access === 'overlay') return []
  return [posix.join(parent.config.path, guest.slice(parent.guest.length))]
}

function check(config: FolderConfig, context: RuleContext): readonly Diagnostic[] {
  const { facts, path: at } = context
  const { id = 'folder0', access } = config
  const fact = facts.files.get(config.path)
  const isFit = fact === undefined || (fact.kind === 'directory' && fact.isReadable)
  const unfit =
    fact?.kind === 'missing'
      ? 'does not exist'
      : fact?.kind === 'directory'
        ? 'cannot be read'
        : 'is not a folder'
  return [
    ...(isFit ? [] : [problems.FOLDER_UNFIT.at(`${at}.path`, `${config.path} ${unfit}`)]),
    ...(isFit && access === 'rw' && fact?.isWritable === false
      ? [problems.FOLDER_NOT_WRITABLE.at(`${at}.access`, `${config.path} cannot be written to`)]
      : []),
    ...(access === 'rw' && facts.isRoot === true
      ? [problems.FOLDER_RW_AS_ROOT.at(`${at}.access`, `the guest can write to ${config.path} as root`)]
      : []),
    ...(id.length > TAG_LENGTH
      ? [problems.FOLDER_ID_TOO_LONG.at(`${at}.id`, `"${id}" has ${plural(id.length, 'character')}`)]
      : []),
    ...checkVirtiofs(config, context),
    ...checkGuestPath(config, context),
  ]
}

function checkGuestPath(
  config: FolderConfig,
  { machine, facts, path: at }: RuleContext,
): readonly Diagnostic[] {
  const guest = guestPathOf(config)
  const place = `${at}.guest`
  const why = whyNoMountPoint(guest)
  const folders = foldersOf(machine)
  const twin = folders
    .slice(
      0,
      folders.findIndex((other) => other.at === at),
    )
    .find((other) => other.guest === guest)
  const parent = parentOf(guest, folders)
  const [point] = mountPoint(config, folders)
  const isMissing = point !== undefined && facts.files.get(point)?.kind === 'missing'
  return [
    ...(why === undefined
      ? []
      : [
          problems.FOLDER_GUEST_PATH.at(place, `"${guest}" ${why}`, {
            ...(config.guest === config.path
              ? { remedy: `name another path for the guest: --folder ${config.path}:/mnt` }
              : {}),
          }),
        ]),
    ...(twin ? [problems.FOLDER_GUEST_TWICE.at(place, `${twin.at} is mounted at ${guest} too`)] : []),
    ...(isMissing && parent?.config.access === 'readonly'
      ? [problems.FOLDER_NO_MOUNT_POINT.at(place, `${parent.at} is read-only and has no folder ${point}`)]
      : []),
  ]
}
