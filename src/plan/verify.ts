/** Compares what a guest found with the description, device by device. Pure. */
import type { Expectation, NotCompared } from '../machine/device.ts'
import type { Facts } from '../machine/facts.ts'
import type { GuestView, HardwareView } from '../machine/guest-view.ts'
import { expectationsOf, notComparedOf } from '../machine/machine.ts'
import type { GuestPlan } from './plan.ts'

/** One line of the comparison. `got` is null when the guest did not see it. */
export interface Comparison {
  readonly device: string
  readonly aspect: string
  readonly want: string
  readonly got: string | null
  readonly ok: boolean
  /** Who saw it: `Linux`, `probe kernel`, `ACPI tables`. */
  readonly by: string
}

/** All that a comparison found, and what it could not look at. */
export interface Verification {
  readonly comparison: readonly Comparison[]
  readonly notCompared: readonly NotCompared[]
  /** Why the comparison is not whole: parts of the report that did not arrive. Empty when it is. */
  readonly missing: readonly string[]
}

const TABLES = 'ACPI tables'

/**
 * Compares with what the guest made of the hardware, and once more with the firmware's tables where the guest hands
 * them out. An expectation that no witness can answer is in `notCompared`.
 *
 * @param atBoot The machine as it was started, if devices were plugged since. The tables that Linux hands out are those
 *   of its boot: what was plugged later is compared with them only where they have it.
 */
export function verify(
  plan: Pick<GuestPlan, 'machine' | 'name' | 'profile'>,
  facts: Facts,
  view: GuestView | undefined,
  atBoot: GuestPlan['machine'] = plan.machine,
): Verification {
  const by = view?.by ?? `guest of profile ${plan.profile}`
  const expected = expectationsOf(plan.machine, facts, plan.name)
  const { tables } = view ?? {}
  const wasThere = new Set(expectationsOf(atBoot, facts, plan.name).map((e) => e.device))
  const comparison = [
    ...rowsOf(expected, view ?? {}, by),
    ...rowsOf(expected, tables ?? {}, TABLES).filter((row) => row.got !== null || wasThere.has(row.device)),
  ]
  const unseen = expected
    .filter((e) => !comparison.some((row) => row.device === e.device && row.aspect === e.aspect))
    .map(({ device, aspect }) => ({ device, aspect, because: `not reported by the ${named(by)}` }))
  return {
    comparison,
    notCompared: [...unseen, ...notComparedOf(plan.machine, facts, plan.name)],
    missing: missingOf(view, comparison, plan),
  }
}

/** With what this computer's kernel said of QEMU's threads and memory. What it could not say is not compared. */
export function withBinding(
  { comparison, notCompared, missing }: Verification,
  binding: readonly Comparison[],
): Verification {
  const isRow = (entry: Pick<NotCompared, 'device' | 'aspect'>) =>
    binding.some((row) => row.device === entry.device && row.aspect === entry.aspect)
  const unknown = binding.filter(({ got }) => got === null)
  return {
    comparison: [...comparison, ...binding.filter(({ got }) => got !== null)],
    notCompared: [
      ...notCompared.filter((entry) => !isRow(entry)),
      ...unknown.map(({ device, aspect }) => ({
        device,
        aspect,
        because: 'the kernel of this computer does not report it',
      })),
    ],
    missing,
  }
}

const named = (by: string) => (/^[A-Z]/.test(by) ? `${by} guest` : by)

function rowsOf(expected: readonly Expectation[], view: HardwareView, by: string): readonly Comparison[] {
  return expected.flatMap(({ device, aspect, want, see }) => {
    const got = see(view)
    return got === undefined ? [] : [{ device, aspect, want, got, ok: got === want, by }]
  })
}

function missingOf(
  view: GuestView | undefined,
  comparison: readonly Comparison[],
  { profile }: Pick<GuestPlan, 'profile'>,
): readonly string[] {
  if (view === undefined) return [`a report of what the guest saw (profile ${profile})`]
  if (view.missing !== undefined && view.missing.length > 0) return view.missing
  return comparison.length > 0 ? [] : ['a report of any hardware that the machine describes']
}
