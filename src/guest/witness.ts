/** What a guest says of its hardware, and what comes of comparing it with the description. */
import { BringupError } from '../diagnostics.ts'
import type { NotCompared } from '../machine/device.ts'
import type { GuestView } from '../machine/guest-view.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { type Comparison, type Verification, verify, withBinding } from '../plan/verify.ts'
import { notCompared } from './conclude.ts'
import type { EndedBy } from './ending.ts'
import type { Hotplug } from './hotplug.ts'
import type { GuestOptions } from './options.ts'
import { readTail } from './read-log.ts'
import type { Shell } from './shell.ts'

interface Sources {
  readonly hotplug: Hotplug
  readonly shell: Shell | undefined
  readonly consoleLog: string
  readonly hasExited: () => boolean
}

export class Witness {
  /** Whether the run is to be compared. */
  readonly isWanted: boolean
  /** The first answer, asked for as soon as the guest runs. */
  first: Promise<unknown> | undefined
  /** What threads and memory of QEMU were bound to before the guest ran. */
  binding: readonly Comparison[] = []
  readonly #plan: GuestPlan
  readonly #profile: GuestOptions['profile']
  /** The user, and not the profile, wants a comparison. */
  readonly #isAskedFor: boolean
  readonly #sources: Sources
  #last: GuestView | undefined

  constructor(
    plan: GuestPlan,
    { verify: isWanted, profile }: Pick<GuestOptions, 'verify' | 'profile'>,
    sources: Sources,
  ) {
    this.isWanted = isWanted ?? (profile.verifiesByDefault && profile.isSilent?.(plan.machine) !== true)
    this.#isAskedFor = isWanted !== undefined
    this.#plan = plan
    this.#profile = profile
    this.#sources = sources
  }

  begin(): void {
    if (this.#sources.shell && this.isWanted) this.first = this.view().catch(() => undefined)
  }

  /** What the guest sees now; the last answer of one that has ended and cannot be asked any more. */
  async view(): Promise<GuestView | undefined> {
    const { shell, consoleLog, hasExited } = this.#sources
    if (shell && hasExited()) return this.#last
    this.#last = await this.#profile.view?.({
      consoleText: () => readTail(consoleLog).toString(),
      ...(shell ? { run: (argv) => shell.run(argv) } : {}),
    })
    return this.#last
  }

  /** @throws BringupError GUEST_NOT_COMPARED */
  async verify(): Promise<readonly Comparison[]> {
    const { comparison, missing } = this.#compare(await this.view())
    if (missing.length > 0) throw new BringupError([notCompared(missing)])
    return comparison
  }

  async notCompared(): Promise<readonly NotCompared[]> {
    return this.#compare(await this.view()).notCompared
  }

  /** Undefined where no comparison was wanted, and where a pattern ended the guest before its report was whole. */
  verification(view: GuestView | undefined, endedBy: EndedBy | undefined): Verification | undefined {
    // What this computer itself says is told in any case.
    if (!this.isWanted && this.binding.length > 0)
      return withBinding({ comparison: [], notCompared: [], missing: [] }, this.binding)
    if (!this.isWanted) return undefined
    const verification = this.#compare(view)
    const isCutShort = endedBy === 'shown' && !this.#isAskedFor
    return isCutShort && verification.missing.length > 0 ? undefined : verification
  }

  #compare(view: GuestView | undefined): Verification {
    const { facts, ...machine } = this.#sources.hotplug.now
    const addresses = addressesOf(this.#plan)
    const known = { ...facts, addresses }
    const seen = verify({ ...machine, profile: this.#plan.profile }, known, view, this.#plan.machine)
    return withBinding(seen, this.binding)
  }
}

/** Addresses that the plan gives to cards, by their ids. */
const addressesOf = ({ joins }: Pick<GuestPlan, 'joins'>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    joins.flatMap(({ device, address }) => (address === undefined ? [] : [[device, address]])),
  )
