/**
 * What stores really keep: every kind of store through every event, with the probe kernel as the guest, held against
 * what `bringup nvdimm explain` says. The table of it is part of the documentation.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Guest } from '../../src/guest/guest.ts'
import { openStore } from '../../src/stores/store.ts'
import { expect, type Launch, test } from '../support/guests.ts'
import { formatTable } from '../support/markdown.ts'

const SEEN = /(\{"t":"nvdimm".*\})/
const OBSERVED = '../../docs/guide/persistence-observed.md'

interface Kind {
  readonly name: string
  readonly device: Readonly<Record<string, unknown>>
  /** A run that may write to it comes first: the guest of the test itself may not. */
  readonly isPrepared?: boolean
  readonly isOnTmpfs?: boolean
}

const KINDS: readonly Kind[] = [
  { name: 'file', device: {} },
  { name: 'file, `shared: true`', device: { shared: true } },
  { name: 'file on tmpfs', device: {}, isOnTmpfs: true },
  { name: 'file, `share: false`', device: { share: false } },
  { name: '`backing: "ram"`', device: { backing: 'ram' } },
  { name: 'file, `readonly: true`', device: { readonly: true }, isPrepared: true },
  { name: 'file, `unarmed: true`', device: { unarmed: true }, isPrepared: true },
]

/** The words of the kernel's report on its NVDIMM. */
async function report(
  guest: Guest,
): Promise<{ readonly state: string; readonly boots: number; readonly checksum: string }> {
  const { groups } = await guest.console.expect(SEEN)
  return JSON.parse(groups[0] ?? '')
}

/** Boots machines with a store of one kind. */
function launcher(kind: Kind, launch: Launch, folder: string) {
  const file = join(folder, 'store.img')
  return (append: string, more: { readonly isPreparing?: boolean; readonly allowReboot?: boolean } = {}) => {
    const device = more.isPreparing ? {} : kind.device
    const placed = device.backing === 'ram' ? device : { file, ...device }
    const devices = [{ kind: 'nvdimm', id: 'pm0', size: '16M', ...placed }] as never
    return launch({ memory: '64M', boot: { append }, devices }, { allowReboot: more.allowReboot ?? false })
  }
}

type Boot = ReturnType<typeof launcher>

/** What the next boot finds, against what the first one left. */
function judge(
  kind: Kind,
  first: Awaited<ReturnType<typeof report>>,
  then: Awaited<ReturnType<typeof report>>,
): string {
  if (kind.isPrepared) {
    // The guest cannot write, so what was prepared has to be there as it was.
    expect(first).toMatchObject({ state: 'readonly', boots: 1 })
    return then.state === 'readonly' && then.boots === 1 && then.checksum === 'ok' ? 'kept' : 'lost'
  }
  expect(first).toMatchObject({ state: 'new', boots: 1 })
  if (then.state === 'new') return 'lost'
  expect(then).toMatchObject({ state: 'kept', boots: 2, checksum: 'ok' })
  return 'kept'
}

async function inOneRun(
  kind: Kind,
  boot: Boot,
  append: string,
  act: (guest: Guest) => Promise<unknown>,
): Promise<string> {
  const guest = await boot(append, { allowReboot: true })
  const first = await report(guest)
  await act(guest)
  const then = await report(guest)
  await guest.close()
  return judge(kind, first, then)
}

async function inTwoRuns(
  kind: Kind,
  boot: Boot,
  append: string,
  end: (guest: Guest) => Promise<unknown>,
): Promise<string> {
  const guest = await boot(append)
  const first = await report(guest)
  await end(guest)
  const next = await boot('')
  const then = await report(next)
  await expect(next).toEnd('passed')
  return judge(kind, first, then)
}

/** What another machine finds that is started while the first one runs. */
async function beside(kind: Kind, boot: Boot): Promise<string> {
  const guest = await boot('ready-hang')
  const first = await report(guest)
  await guest.console.expect('"ready"')
  const second = await boot('').catch((error: unknown) => error as { code: string })
  const found = 'code' in second ? second.code : judge(kind, first, await report(second))
  await guest.close()
  if (found === 'STORE_LOCKED' || found === 'NVDIMM_FILE_BUSY') return 'refused'
  if (kind.isPrepared) return 'reads the same'
  return found === 'kept' ? 'sees what is written' : 'does not see what is written'
}

/** The events, by the name that `explain` has for them; the last word is what is done. */
const EVENTS = {
  'guest reboot': (kind: Kind, boot: Boot) =>
    inOneRun(kind, boot, 'ready-hang', (guest) => guest.console.expect('"ready"').then(() => guest.reboot())),
  'guest crash, QEMU goes on': (kind: Kind, boot: Boot) =>
    inOneRun(kind, boot, 'triple-fault', async () => {}),
  'guest crash, run ends': (kind: Kind, boot: Boot) =>
    inTwoRuns(kind, boot, 'panic', (guest) => expect(guest).toEnd('crashed')),
  'QEMU killed': (kind: Kind, boot: Boot) =>
    inTwoRuns(kind, boot, 'ready-hang', (guest) => guest.console.expect('"ready"').then(() => guest.kill())),
  'orderly end, next run': (kind: Kind, boot: Boot) =>
    inTwoRuns(kind, boot, '', (guest) => expect(guest).toEnd('passed')),
} as const

interface Observation {
  readonly seen: readonly string[]
  /** Answers of `explain`, by event. */
  readonly says: Readonly<Record<string, string>>
}

async function observe(kind: Kind, launch: Launch, stateFolder: string): Promise<Observation> {
  const folders: string[] = []
  const fresh = async () => {
    const folder = mkdtempSync(join(kind.isOnTmpfs ? '/dev/shm' : stateFolder, 'store '))
    folders.push(folder)
    const boot = launcher(kind, launch, folder)
    if (kind.isPrepared) await expect(await boot('', { isPreparing: true })).toEnd('passed')
    return boot
  }
  try {
    const seen: string[] = []
    for (const event of Object.values(EVENTS)) seen.push(await event(kind, await fresh()))
    const others = await beside(kind, await fresh())
    const guest = await (await fresh())('')
    await expect(guest).toEnd('passed')
    const says = Object.fromEntries(guest.plan.persistence.map((v) => [v.event, v.answer]))
    return { seen: [...seen, others], says }
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true })
  }
}

/** What is said has to be so. Where nothing is guaranteed, both may be. */
function agree({ says, seen }: Observation): void {
  const [reboot, goesOn, ends, killed, , others] = seen
  const allowed = { yes: ['kept'], no: ['lost'], 'not guaranteed': ['kept', 'lost'] } as Readonly<
    Record<string, readonly string[]>
  >
  expect(allowed[says['guest reboot'] ?? '']).toContain(reboot)
  expect(allowed[says['guest crash'] ?? '']).toContain(goesOn)
  expect(allowed[says['guest crash'] ?? '']).toContain(ends)
  expect(allowed[says['QEMU killed'] ?? '']).toContain(killed)
  expect(says['visible to other machines'] === 'yes').toBe(others === 'sees what is written')
}

test('what is observed is what is said, and what the documentation shows', async ({
  launch,
  stateFolder,
}) => {
  const rows: string[][] = []
  for (const kind of KINDS) {
    const observation = await observe(kind, launch, stateFolder)
    agree(observation)
    rows.push([kind.name, ...observation.seen])
  }
  const table = formatTable(['store', ...Object.keys(EVENTS), 'second machine at the same time'], rows)
  await expect(table).toMatchFileSnapshot(OBSERVED)
})

test('every end of a run is written down as what it was', async ({ launch, stateFolder }) => {
  const boot = launcher({ name: 'file', device: {} }, launch, stateFolder)
  const ends = {
    'guest-ended': ['', (guest: Guest) => guest.done],
    'guest-crashed': ['panic', (guest: Guest) => guest.done],
    killed: ['ready-hang', (guest: Guest) => guest.kill()],
    stopped: ['ready-hang', (guest: Guest) => guest.close()],
  } as const
  for (const [end, [append, act]] of Object.entries(ends)) {
    const guest = await boot(append)
    await act(guest)
    const store = openStore(join(stateFolder, 'store.img'), { stateFolder })
    expect(store).toMatchObject({
      lastUse: { machine: 'machine', device: 'pm0', run: guest.folder.run, end },
      isClean: end === 'guest-ended',
    })
  }
})

test('two machines that share a store are both written down; one that does not share is refused', async ({
  launch,
  stateFolder,
}) => {
  const shared = launcher({ name: 'shared', device: { shared: true } }, launch, stateFolder)
  const alone = launcher({ name: 'file', device: {} }, launch, stateFolder)
  const look = () => openStore(join(stateFolder, 'store.img'), { stateFolder })
  const first = await shared('ready-hang')
  await first.console.expect('"ready"')
  expect(await alone('').catch((error: unknown) => error)).toMatchObject({ code: 'NVDIMM_FILE_BUSY' })
  const second = await shared('')
  await expect(second).toEnd('passed')
  expect(look()).toMatchObject({
    isClean: false,
    record: { uses: [{ end: 'running' }, { end: 'guest-ended' }] },
  })
  await first.kill()
  expect(look()).toMatchObject({ isClean: false, lastUse: { run: second.folder.run } })
  expect(look().record?.uses.map((use) => use.end)).toEqual(['killed', 'guest-ended'])
  await expect(await alone('')).toEnd('passed')
  expect(look()).toMatchObject({ isClean: true, record: { uses: { length: 1 } } })
})

test('a machine that was stopped can be copied as it stood, and the copy goes on from there', async ({
  launch,
  stateFolder,
}) => {
  const boot = launcher({ name: 'file', device: {} }, launch, stateFolder)
  const guest = await boot('ready-hang')
  await guest.console.expect('"ready"')
  await guest.qemu.qmp.execute('stop')
  const { snapshotStore } = await import('bringup')
  const copy = await snapshotStore(join(stateFolder, 'store.img'), join(stateFolder, 'cut.img'), {
    stateFolder,
    evenInUse: true,
  })
  await guest.kill()
  const devices = [{ kind: 'nvdimm', id: 'pm0', size: '16M', file: copy.path }] as const
  const checker = await launch({ memory: '64M', devices })
  expect(await report(checker)).toMatchObject({ state: 'kept', boots: 2, checksum: 'ok' })
})
