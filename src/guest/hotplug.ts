/** Adds devices to a machine that runs, and takes them away again. */
import { BringupError, isClean } from '../diagnostics.ts'
import type { Plug, PlugPart } from '../machine/device.ts'
import type { Facts, StoreEnd } from '../machine/facts.ts'
import { deviceIds, parseDevice, planPlug, problems, withDevice, withoutDevice } from '../machine/hotplug.ts'
import type { MachineConfig, MachineInput } from '../machine/machine.ts'
import { gatherFacts } from '../plan/gather.ts'
import { pathsOf, placeMachine } from '../plan/place.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { Lock } from '../processes/flock.ts'
import type { QemuProcess } from '../qemu/process.ts'
import { QmpError } from '../qemu/qmp.ts'
import { deadlineSignal } from '../timer.ts'
import { createFiles } from './host-files.ts'
import { beginUses, type OpenUses } from './store-uses.ts'

export type DeviceInput = NonNullable<MachineInput['devices']>[number]

/** A device that was plugged. */
interface Plugged {
  readonly id: string
  readonly plug: Plug
  readonly locks: readonly Lock[]
  /** The machine as it is from now on. */
  readonly machine: MachineConfig
  readonly facts: Facts
}

/** The devices of a machine while it runs. */
export interface Hotplug {
  /** The machine with all that was plugged, and what is known of its files. */
  readonly now: Pick<GuestPlan, 'machine' | 'name'> & { readonly facts: Facts }
  /** @returns the device's id */
  plug(device: DeviceInput): Promise<string>
  unplug(id: string, timeoutMs: number): Promise<void>
  /** Writes down how the use of the plugged stores ended. */
  end(how: StoreEnd): Error | undefined
}

/** Keeps the account of one machine's devices. One is plugged after the other, in the order in which they were asked for. */
export function openHotplug(
  plan: GuestPlan,
  { facts, stateFolder, run }: { readonly facts: Facts; readonly stateFolder: string; readonly run: string },
  qemu: QemuProcess,
): Hotplug {
  let now: Hotplug['now'] = { machine: plan.machine, name: plan.name, facts }
  const plugged = new Map<string, Plugged>()
  const uses: OpenUses[] = []
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const turn = last.then(act)
    last = turn.catch(() => {})
    return turn
  }
  return {
    get now() {
      return now
    },
    plug: (device) =>
      inTurn(async () => {
        const one = await plugDevice(device, { ...now, stateFolder }, qemu)
        now = { ...now, machine: one.machine, facts: one.facts }
        plugged.set(one.id, one)
        const { files = [], locks = [], stores = [] } = one.plug
        uses.push(beginUses({ name: plan.name, files, locks, stores }, run, stateFolder))
        return one.id
      }),
    unplug: (id, timeoutMs) =>
      inTurn(async () => {
        await unplugDevice(id, { machine: now.machine, plugged: plugged.get(id), qmp: qemu.qmp, timeoutMs })
        plugged.delete(id)
        now = { ...now, machine: withoutDevice(now.machine, id) }
      }),
    end: (how) => uses.map((use) => use.end(how)).find((error) => error !== undefined),
  }
}

/**
 * Checks the device as if it had been described from the start, makes and locks its file, and gives it to QEMU. When QEMU
 * refuses, nothing of it is left but the file.
 *
 * @throws BringupError with everything that is wrong
 */
async function plugDevice(
  input: DeviceInput,
  now: {
    readonly machine: MachineConfig
    readonly facts: Facts
    readonly name: string
    readonly stateFolder: string
  },
  qemu: QemuProcess,
): Promise<Plugged> {
  const { name, stateFolder } = now
  const more = withDevice(now.machine, parseDevice(input), name)
  const machine = now.machine.home ? placeMachine(more, now.machine.home) : more
  const facts = withNewFiles(now.facts, pathsOf(name, machine), stateFolder)
  const { id, plug, diagnostics } = planPlug(machine, facts, name)
  if (!plug || !isClean(diagnostics))
    throw new BringupError(diagnostics.filter((d) => d.severity === 'error'))
  createFiles(plug.files ?? [])
  const locks = await qemu.lock(plug.locks ?? [])
  try {
    await give(plug, qemu.qmp)
  } catch (error) {
    await Promise.all(locks.map((lock) => lock[Symbol.asyncDispose]()))
    if (!(error instanceof QmpError)) throw error
    const what = `QEMU did not add "${id}": ${error.desc}`
    throw new BringupError([problems.HOTPLUG_REFUSED.at('', what, { evidence: [error.desc] })], {
      cause: error,
    })
  }
  return { id, plug, locks, machine, facts }
}

/** What is known of files that the machine has already stays: it was true when they were opened. */
function withNewFiles(facts: Facts, paths: readonly string[], stateFolder: string): Facts {
  const unknown = paths.filter((path) => !facts.files.has(path))
  const { files } = gatherFacts(unknown, facts, stateFolder)
  return { ...facts, files: new Map([...facts.files, ...files]) }
}

async function give({ object, device }: Plug, qmp: QemuProcess['qmp']): Promise<void> {
  await qmp.execute('object-add', propertiesOf(object, 'qom-type'))
  try {
    await qmp.execute('device_add', propertiesOf(device, 'driver'))
  } catch (error) {
    await qmp.execute('object-del', { id: object.id })
    throw error
  }
}

function propertiesOf({ type, ...properties }: PlugPart, typeKey: string): Record<string, unknown> {
  return { [typeKey]: type, ...properties }
}

/**
 * Asks the guest, through QEMU, to let a device go, and resolves when it has.
 *
 * @throws BringupError UNPLUG_UNKNOWN, UNPLUG_UNSUPPORTED with QEMU's words, UNPLUG_TIMEOUT
 */
async function unplugDevice(
  id: string,
  {
    machine,
    plugged,
    qmp,
    timeoutMs,
  }: {
    readonly machine: MachineConfig
    readonly plugged: Plugged | undefined
    readonly qmp: QemuProcess['qmp']
    readonly timeoutMs: number
  },
): Promise<void> {
  const ids = deviceIds(machine)
  if (!ids.includes(id)) {
    const remedy = ids.length === 0 ? 'there is no device to remove' : `the ids are: ${ids.join(', ')}`
    throw new BringupError([problems.UNPLUG_UNKNOWN.at('', `there is no device "${id}"`, { remedy })])
  }
  const { signal, clear } = deadlineSignal(timeoutMs)
  const gone = deleted(id, qmp, signal)
  try {
    await qmp.execute('device_del', { id })
    await gone
  } catch (error) {
    if (signal.aborted)
      throw new BringupError([
        problems.UNPLUG_TIMEOUT.at('', `"${id}" was not let go within ${timeoutMs} ms`),
      ])
    if (!(error instanceof QmpError)) throw error
    const what = `QEMU does not remove "${id}": ${error.desc}`
    throw new BringupError([problems.UNPLUG_UNSUPPORTED.at('', what, { evidence: [error.desc] })], {
      cause: error,
    })
  } finally {
    clear()
  }
  if (!plugged) return
  await qmp.execute('object-del', { id: plugged.plug.object.id })
  await Promise.all(plugged.locks.map((lock) => lock[Symbol.asyncDispose]()))
}

function deleted(id: string, qmp: QemuProcess['qmp'], signal: AbortSignal): Promise<void> {
  const wait = async (): Promise<void> => {
    while ((await qmp.next('DEVICE_DELETED', signal)).device !== id);
  }
  const gone = wait()
  gone.catch(() => {})
  return gone
}
