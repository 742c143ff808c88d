/**
 * A guest that runs: watched until it has ended, talked to meanwhile, and judged by how it ended. Its parts have files of
 * their own; this one, longer than others, connects them, because each may end the guest and all have to know.
 */

import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { screenLines } from '../guest-text.ts'
import { foldersOf } from '../machine/devices/folder-schema.ts'
import { gdbServerOf } from '../machine/devices/gdb.ts'
import { viewOf } from '../machine/machine.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { QemuExit } from '../qemu/exit.ts'
import { startPatience } from '../qemu/patience.ts'
import type { QemuProcess } from '../qemu/process.ts'
import { QmpEnded } from '../qemu/qmp.ts'
import { startTimer, type Timer } from '../timer.ts'
import { bind } from './bind.ts'
import { loaderTextOf } from './boot-loader-text.ts'
import { type Channels, openChannels, withDebugConsole } from './channels.ts'
import { type RunClock, startClock } from './clock.ts'
import { conclude, judgeEnding } from './conclude.ts'
import { Console } from './console.ts'
import { copyIn, copyOut } from './copy.ts'
import type { EndedBy, Ending } from './ending.ts'
import { mountFolders } from './folders.ts'
import { chosenPorts, hostPort } from './forwards.ts'
import { type GdbTarget, gdbTargetOf } from './gdb.ts'
import type {
  CommandOptions,
  CommandResult,
  Guest,
  GuestTerminal,
  QemuAccess,
  TerminalOptions,
} from './guest.ts'
import { type GuestScreen, openScreens, type Screens } from './guest-screen.ts'
import { type Hotplug, openHotplug } from './hotplug.ts'
import { KernelLogReader, reportFindings } from './kernel-reports.ts'
import { momentOf } from './moment.ts'
import type { GuestOptions } from './options.ts'
import { isRestored, type OriginWork, timeOfNow } from './origin.ts'
import { problems as passProblems, watchForPass } from './pass-watch.ts'
import { keepsDisk, powerOff } from './power-off.ts'
import type { KeyOptions } from './press-keys.ts'
import { type GuestRdma, openRdma } from './rdma.ts'
import { readTail } from './read-log.ts'
import { type GuestFolder, type GuestResult, saveResult } from './record.ts'
import { placeNow, ResetLog, ResetWatch } from './resets.ts'
import { RESTORED } from './restored.ts'
import { RunDeadline } from './run-deadline.ts'
import type { SavePlace } from './save-guest.ts'
import { saveScreen } from './screen-watch.ts'
import { openShell, type Shell, type ShellOptions } from './shell.ts'
import { problems as shellProblems } from './shell-problems.ts'
import { checkVersion, silent, startProblem } from './start-problems.ts'
import { beginUses, type OpenUses, storeEndOf } from './store-uses.ts'
import { hasCrashed, watchGuest } from './watch.ts'
import { Witness } from './witness.ts'

export const problems = defineDiagnostics({
  GUEST_HAS_NO_SHELL: {
    title: 'The guest has no command channel.',
    why: 'commands run, and files are copied, over a channel of their own, which the profile must provide',
    remedy: 'use a profile with a command channel, such as `linux`, or use the guest’s console',
  },
})

/** How long a guest that panicked may go on. */
const PANIC_GRACE_MS = 1500

/** How long QEMU may take until the guest runs: the time for the whole run, within these bounds. */
const START_MS = { least: 5000, most: 120_000 }

/** Time after which a guest that draws a screen has drawn it: of its own, or of waiting. */
const DRAWN = { withinMs: 1000, cpuMs: 1000, mostMs: 60_000 }

/** Parts of a guest that is not running yet. */
interface StartedGuest {
  readonly folder: GuestFolder
  readonly qemu: QemuProcess
  readonly origin: OriginWork
}

/** A guest whose QEMU has been started; `start` lets its machine run. */
export class RunningGuest implements Guest {
  readonly plan: GuestPlan
  readonly folder: GuestFolder
  readonly qemu: QemuAccess
  readonly rdma: GuestRdma
  readonly done: Promise<GuestResult>
  forwards: Guest['forwards'] = []
  gdb: GdbTarget | undefined
  readonly #options: GuestOptions
  readonly #origin: OriginWork
  #wasReset = false
  /** The agent has not answered yet. */
  #isFirstBoot = true
  #hasCommandBegun = false
  /** Its owner may have changed it by other means than its console and its channels. */
  #isTouched = false
  readonly #process: QemuProcess
  readonly #hotplug: Hotplug
  readonly #console: Console
  readonly #channels: Channels
  readonly #shell: Shell | undefined
  readonly #seen: ReturnType<typeof watchGuest>
  readonly #clock: RunClock
  readonly #kernelLog: KernelLogReader
  readonly #witness: Witness
  readonly #screens: Screens
  #endedBy: EndedBy | undefined
  readonly #deadline: RunDeadline
  #afterPanic: Timer | undefined
  /** What kept the guest from running. */
  #obstacles: readonly Diagnostic[] | undefined
  #hasStarted = false
  /** The console showed something since the last reset. */
  #hasSpoken = false
  #shown: Ending['shown']
  /** What was drawn when the guest ended and counts then. */
  readonly #awaitedPass: ReturnType<typeof watchForPass>
  #remarks: readonly Diagnostic[] = []
  /** What the guest could not prepare for its commands. */
  #unprepared: readonly Diagnostic[] = []
  readonly #resetLog: ResetLog
  readonly #resets: ResetWatch
  /** The triple fault that ended it is one of the firmware. */
  #isFirmwareFault = false
  #shellExit: number | undefined
  #consoleExit: number | undefined
  #uses: OpenUses | undefined
  /** How it ended, once that is known. */
  #ended: string | undefined

  constructor(plan: GuestPlan, options: GuestOptions, { folder, qemu, origin }: StartedGuest) {
    this.plan = plan
    this.#origin = origin
    this.folder = folder
    this.#options = options
    this.#clock = startClock(options.buildMs)
    this.#deadline = new RunDeadline(plan.timeoutMs, () => this.#end('timeout'))
    this.#process = qemu
    this.#hotplug = openHotplug(plan, { ...options, run: folder.run }, qemu)
    this.qemu = this.#access()
    this.rdma = openRdma(options.profile.rdma, plan.profile, (argv, more) => this.run(argv, more))
    this.#console = new Console(withDebugConsole(plan, this.#process), {
      path: folder.consoleLog,
      timingPath: folder.consoleTiming,
    })
    if (options.onConsole) this.#console.onChunk(options.onConsole)
    if (options.onLine) this.#console.onLine(options.onLine)
    this.#screens = openScreens(plan, qemu.qmp, {
      ...options,
      folder: folder.path,
      pid: qemu.pid,
      reason: () => this.#ended ?? 'the guest ended',
      onHalted: () => this.#end('halted'),
    })
    this.#channels = openChannels(plan.channels, this.#process, folder.path)
    const shell = this.#process.channels.get('shell')
    this.#shell =
      shell &&
      openShell(shell, {
        reason: () => this.#ended ?? 'the guest ended',
        onConsoleExit: (code) => {
          this.#consoleExit = code
        },
        ...this.#preparation(),
      })
    this.#shell?.ready.then(
      () => {
        this.#clock.answer()
        options.onAnswer?.()
      },
      () => {},
    )
    this.#witness = new Witness(plan, options, {
      hotplug: this.#hotplug,
      shell: this.#shell,
      consoleLog: folder.consoleLog,
      hasExited: () => qemu.hasExited,
    })
    this.#console.onChunk(() => {
      this.#hasSpoken = true
    })
    this.#resetLog = new ResetLog(folder.qemuLog)
    const isAllowed = options.allowReboot === true
    this.#resets = new ResetWatch(this.#resetLog, {
      reboot: isAllowed || plan.judgement.onReset === 'reboot',
      tripleFault: isAllowed,
    })
    this.#kernelLog = new KernelLogReader(options.profile.kernelLog, {
      wanted: plan.machine.kernelReports,
      shell: this.#shell,
      qmp: qemu.qmp,
    })
    this.#seen = this.#watch()
    this.#awaitedPass = this.#watchForPass()
    this.done = this.#conclude()
  }

  #access(): QemuAccess {
    const { pid, qmp } = this.#process
    // Through QMP its owner can change the guest in any way.
    const touched = () => {
      this.#isTouched = true
    }
    return {
      get qmp() {
        touched()
        return qmp
      },
      pid,
      plug: (device) => {
        touched()
        return this.#hotplug.plug(device)
      },
      unplug: (id, { timeoutMs = 10_000 } = {}) => {
        touched()
        return this.#hotplug.unplug(id, timeoutMs)
      },
      save: (placeOf) => this.#save(placeOf),
    }
  }

  /** What the guest is besides the result of its boot. */
  get #isChanged(): boolean {
    return this.#isTouched || this.#console.hasInput || this.#channels.hasInput
  }

  #watch() {
    const listeners: Parameters<typeof watchGuest>[3] = {
      // Time to print its trace and to reset; a kernel that only halts after a panic would else use up the time-out.
      onPanic: () => {
        this.#afterPanic = startTimer(PANIC_GRACE_MS, () => this.#end('panic'))
      },
      onHalt: () => this.#end('halt'),
      onReset: (by) => {
        this.#shell?.restarted()
        this.#consoleExit = undefined
        this.#wasReset = true
        const meaning = this.#resets.reset({ ...by, hasSpoken: this.#hasSpoken })
        this.#hasSpoken = false
        if (meaning === 'crash') this.#end('reset')
        else if (this.#resets.isInRhythm) void this.#pauseOnce()
      },
      onRun: () => {
        if (!this.#clock.hasRun) this.#clock.run()
        this.#hasStarted = true
        this.#deadline.run()
        this.#screens.watch?.begin()
      },
      onPaused: () => {
        if (this.gdb) this.#deadline.pause()
      },
      onStopped: () => this.#end('stopped'),
      onStill: () => void this.#endStill(),
    }
    return watchGuest(this.plan, this.#process.qmp, this.#console, listeners, this.#screens.watch)
  }

  /** A triple fault of the firmware completes a reset that the guest asked of it: a jump to its entry, for one. */
  async #endStill(): Promise<void> {
    if (this.#resetLog.endsWithFault()) {
      const asked = { 'command-line': 'info registers' }
      const registers = await this.#process.qmp.execute('human-monitor-command', asked).catch(() => '')
      this.#isFirmwareFault = placeNow(registers) === 'bios'
    }
    this.#quit(2000)
  }

  async #pauseOnce(): Promise<void> {
    const { qmp } = this.#process
    try {
      await qmp.execute('stop')
      await qmp.execute('cont')
    } catch {
      // It has ended.
    }
  }

  #watchForPass(): ReturnType<typeof watchForPass> {
    const options: Parameters<typeof watchForPass>[1] = {
      patterns: this.plan.judgement.passPatterns ?? [],
      loader: loaderTextOf(this.plan.machine.boot),
      isEarly: () => this.plan.command.length > 0 && !this.#hasCommandBegun,
      hasCrashed: () => hasCrashed(this.#seen()),
      onShown: (shown) => {
        this.#shown = shown
        // A command ends the run itself.
        if (this.plan.command.length === 0) void this.#endAsShown()
      },
      onceDrawn: (then) => startPatience({ ...DRAWN, group: this.#process.pid }, then),
      onSlow: (what) => {
        this.#remarks = [passProblems.PASS_PATTERN_SLOW.at('', what)]
      },
    }
    return watchForPass(this.#console, options, this.#screens.watch)
  }

  /**
   * A guest that crashes right after the text has not passed: it goes on for a moment, and QEMU tells all that has happened
   * before it answers.
   */
  async #endAsShown(): Promise<void> {
    await momentOf(this.#process.pid)
    this.#endedBy ??= 'shown'
    await this.#process.qmp.execute('stop').catch(() => {})
    this.#end('shown')
  }

  async #save(placeOf: (stateFolder: string) => SavePlace): ReturnType<QemuAccess['save']> {
    const { facts, profile, stateFolder } = this.#options
    const { plan } = this
    const { beginSave } = await import('./save-guest.ts')
    await this.#witness.first
    const printed = () => this.#console.printed()
    const hasOtherDevices = this.#hotplug.now.machine !== plan.machine
    const stream = this.#wasReset ? undefined : this.#origin.stream
    const saved = { plan, qemu: this.#process, shell: this.#shell, printed, stream, hasOtherDevices }
    return { save: await beginSave(saved, placeOf(stateFolder)), plan, facts, profile, stateFolder }
  }

  /** What its console has shown; undefined if that, or the guest, differs from what a boot alone makes of it. */
  readonly #asBooted = () => (this.#isChanged ? undefined : this.#console.printed())

  /** A guest that ends meanwhile is judged by its end. */
  #refuse(error: unknown): void {
    if (error instanceof BringupError && error.code !== shellProblems.SHELL_ENDED.code)
      this.#fail(error.diagnostics)
  }

  /** Folders first: they may be needed by what settles. */
  #preparation(): Pick<ShellOptions, 'prepare'> {
    const { plan } = this
    const hasFolders = foldersOf(viewOf(plan.name, plan.machine)).length > 0
    const settle = this.#options.profile.settle?.(plan)
    const awaitsText = plan.command.length > 0 && plan.judgement.passPatterns?.length
    if (!hasFolders && !settle && !this.#origin.greet && !awaitsText) return {}
    // No folder is mounted in a guest that is saved, and what settles may need one. Saved by its owner, it had settled.
    const hadSettled = isRestored(plan) && (!hasFolders || plan.origin?.otherwise === undefined)
    return {
      prepare: async (run, resume) => {
        const isFirst = this.#isFirstBoot
        this.#isFirstBoot = false
        const greet = async () =>
          isFirst
            ? this.#origin.greet?.(resume, this.#asBooted).catch((error: unknown) => this.#refuse(error))
            : undefined
        const isSaved = !isRestored(plan) && !hasFolders
        if (!isSaved) await greet()
        const unmounted = hasFolders ? await mountFolders(plan, run) : []
        this.#unprepared = unmounted
        const unsettled = isFirst && hadSettled ? [] : ((await settle?.(run)) ?? [])
        this.#unprepared = [...unmounted, ...unsettled]
        if (isSaved && unsettled.length === 0) await greet()
        // What the boot printed has come from QEMU, and is read within the next turns of the event loop.
        if (awaitsText) for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve))
        this.#hasCommandBegun = true
      },
    }
  }

  get console(): Console {
    return this.#console
  }
  get screen(): GuestScreen {
    return this.#screens.screen
  }
  get name(): string {
    return this.plan.guest
  }
  get hasEnded(): boolean {
    return this.#process.hasExited
  }

  port(guestPort: number, protocol: 'tcp' | 'udp' = 'tcp'): number {
    return hostPort(this.forwards, guestPort, protocol)
  }

  /** Lets the machine run. What goes wrong before is thrown once the guest has ended and its record is written. */
  async start(): Promise<void> {
    const onAbort = () => this.#end('interrupt')
    this.#options.signal?.addEventListener('abort', onAbort, { once: true })
    void this.done.then(() => this.#options.signal?.removeEventListener('abort', onAbort))
    if (this.#options.signal?.aborted) this.#end('interrupt')
    try {
      await this.#inTime(() => this.#ready())
      this.#replay()
      await this.#held()
      await this.#inTime(() => this.#begin())
    } catch (cause) {
      this.#fail(this.#endedBy === undefined ? startProblem(cause) : [])
      await this.done
      throw cause
    }
  }

  /** Ends QEMU if it answers no command for too long. */
  async #inTime(step: () => Promise<void>): Promise<void> {
    const withinMs = Math.min(Math.max(this.plan.timeoutMs, START_MS.least), START_MS.most)
    const patience = { group: this.#process.pid, withinMs, mostMs: START_MS.most }
    const deadline = startPatience(patience, (ms) => this.#fail([silent(this.#process.qmp.awaited, ms)]))
    await step().finally(() => deadline.clear())
  }

  async #ready(): Promise<void> {
    await this.#process.ready
    const another = checkVersion(this.plan.qemu.version, await this.#process.qmp.ready)
    if (another.length > 0) throw new BringupError(another)
    this.#witness.binding = await bind(this.plan, this.#process)
    this.forwards = await chosenPorts(this.plan, this.#process.qmp)
    // QEMU holds the locks by now, and the guest has not run.
    this.#uses = beginUses(this.plan, this.folder.run, this.#options.stateFolder)
    this.#resetLog.skip()
    this.gdb = await gdbTargetOf(this.plan, this.#process.qmp)
  }

  /** Waits until its owner wants it to run. */
  async #held(): Promise<void> {
    const { held, onHeld } = this.#options
    if (held === undefined) return
    await this.#inTime(() => this.#rehearse())
    onHeld?.()
    await Promise.race([held, this.done])
    if (this.#process.hasExited) throw new BringupError([])
    this.#clock.restart()
  }

  /**
   * Lets the agent do what it will be asked first, and pauses the guest again: the first time takes long because QEMU
   * translates the code for it. A guest that is connected to others, which may not run yet, does not.
   */
  async #rehearse(): Promise<void> {
    const { qmp } = this.#process
    if (!this.#shell || this.plan.joins.length > 0) return
    if (gdbServerOf(this.plan.machine)?.isStopped === true) return
    await qmp.execute('cont')
    await this.#shell.rehearse(timeOfNow())
    await qmp.execute('stop')
  }

  async #begin(): Promise<void> {
    if (gdbServerOf(this.plan.machine)?.isStopped !== true) await this.#letRun()
    if (isRestored(this.plan)) this.#shell?.resumed()
    this.#witness.begin()
  }

  /** The console shows what the guest printed before it was saved. It has run until then. */
  #replay(): void {
    const { printed } = this.#origin
    if (printed === undefined) return
    this.#hasStarted = true
    this.#console.replay(printed, RESTORED)
  }

  /** A guest that ends within a few instructions takes QEMU away before it has answered. */
  async #letRun(): Promise<void> {
    this.#clock.run()
    try {
      await this.#process.qmp.execute('cont')
      this.#hasStarted = true
      this.#deadline.run()
    } catch (error) {
      if (!(error instanceof QmpEnded && error.isGone && this.#hasStarted)) throw error
    }
  }

  /** Ends QEMU because the guest cannot be let run. The first reason counts. */
  #fail(obstacles: readonly Diagnostic[]): void {
    this.#obstacles ??= obstacles
    if (!this.#process.hasExited) this.#process.kill()
  }

  async run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    // A command may end the guest, which then reports nothing more.
    await this.#witness.first
    return this.#needShell(`run "${argv.join(' ')}"`).run(argv, options)
  }

  async terminal(argv: readonly string[], options: TerminalOptions = {}): Promise<GuestTerminal> {
    return this.#needShell(`run "${argv.join(' ')}"`).terminal(argv, options)
  }

  channel(id: string): Console {
    return this.#channels.open(id)
  }

  keys(keys: string | readonly string[], options?: KeyOptions): Promise<void> {
    this.#isTouched = true
    return this.#screens.keys(keys, options)
  }

  async readFile(path: string): Promise<Buffer> {
    return this.#needShell(`read ${path}`).readFile(path)
  }

  async writeFile(path: string, content: string | Uint8Array, mode?: number): Promise<void> {
    return this.#needShell(`write ${path}`).writeFile(path, content, mode)
  }

  async copyIn(from: string, to: string): Promise<void> {
    this.#needShell(`receive ${from}`)
    return copyIn(this, from, to)
  }

  async copyOut(from: string, to: string): Promise<void> {
    this.#needShell(`send ${from}`)
    return copyOut(this, from, to)
  }

  /** @param deed what the guest is to do */
  #needShell(deed: string): Shell {
    if (this.#shell) return this.#shell
    const what = `the guest of profile "${this.plan.profile}" cannot ${deed}`
    throw new BringupError([problems.GUEST_HAS_NO_SHELL.at('', what)])
  }

  view() {
    return this.#witness.view()
  }

  verify() {
    return this.#witness.verify()
  }

  notCompared() {
    return this.#witness.notCompared()
  }

  async reboot(options: { readonly orderly?: boolean } = {}): Promise<void> {
    this.#isTouched = true
    const shell = options.orderly === true ? this.#needShell('restart on request') : undefined
    await shell?.ready
    await this.#kernelLog.read(this.done)
    const reset = this.#process.qmp.next('RESET')
    await this.#process.qmp.execute('set-action', { reboot: 'reset' })
    if (shell) {
      this.#resets.expect()
      shell.end('restart')
    } else await this.#process.qmp.execute('system_reset')
    await reset
  }

  async kill(): Promise<GuestResult> {
    this.#endedBy ??= 'kill'
    this.#process.kill()
    return this.done
  }

  async interrupt(): Promise<GuestResult> {
    this.#end('user')
    return this.done
  }

  async endWith(exitCode: number): Promise<GuestResult> {
    this.#shellExit = exitCode
    // What only a running guest can tell has to be asked before it ends.
    if (this.#witness.isWanted) await this.view()
    await this.#kernelLog.read(this.done)
    if (this.#shell && keepsDisk(this.plan)) {
      this.#endedBy ??= 'shell-exit'
      await powerOff(this.#shell, this.done)
    }
    this.#end('shell-exit')
    return this.done
  }

  async close(options: { readonly timeoutMs?: number } = {}): Promise<GuestResult> {
    await this.#kernelLog.read(this.done)
    this.#end('close', options.timeoutMs)
    return this.done
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #end(by: EndedBy, timeoutMs = 2000): void {
    if (this.#process.hasExited) return
    this.#endedBy ??= by
    this.#quit(timeoutMs)
  }

  /** The screen is read before QEMU takes it away. */
  #quit(timeoutMs: number): void {
    const { watch } = this.#screens
    if (watch && this.#hasStarted) void watch.finish().finally(() => this.#process.quit(timeoutMs))
    else this.#process.quit(timeoutMs)
  }

  async #conclude(): Promise<GuestResult> {
    const exit = await this.#process.exited
    this.#deadline.clear()
    this.#afterPanic?.clear()
    this.#screens.watch?.end()
    const timings = this.#clock.stop()
    await this.#console.settled()
    this.#shown ??= this.#awaitedPass()
    const ending = this.#ending(exit)
    const obstacles = [...exit.diagnostics, ...(this.#obstacles ?? [])]
    const judged = judgeEnding(ending, this.plan.judgement, obstacles)
    this.#ended = judged.meaning
    this.#console.end(() => judged.meaning)
    this.#channels.end(() => judged.meaning)
    await this.#origin.end()
    const guest = await this.view().catch(() => undefined)
    const verification = this.#witness.verification(guest, this.#endedBy)
    const storeEnd = storeEndOf(ending, judged)
    const logError = this.#uses?.end(storeEnd) ?? this.#hotplug.end(storeEnd) ?? this.#console.logError
    const found = this.#kernelLog.find(() => readTail(this.folder.consoleLog).toString())
    const reports = reportFindings(found, this.plan.machine.kernelReports)
    const known = {
      ending,
      reports,
      judged,
      remarks: [...this.#remarks, ...this.#unprepared, ...this.#origin.remarks()],
      guest,
      verification,
      hasScreen: this.#screens.watch !== undefined,
      timings,
      origin: this.plan.origin,
      folder: this.folder.path,
    }
    const result = this.#saved(conclude({ ...known, logError }), (error) =>
      conclude({ ...known, logError: logError ?? error }),
    )
    await this.#options.onResult?.(result)
    return result
  }

  /** The result once it is in the record, or that it could not be written. */
  #saved(result: GuestResult, withError: (error: Error) => GuestResult): GuestResult {
    try {
      saveResult(this.folder, result)
      const last = this.#screens.watch?.last
      if (last) saveScreen(this.folder.path, last)
      return result
    } catch (error) {
      return withError(error as Error)
    }
  }

  #ending({ status, signal, stderr, lastWords }: QemuExit): Ending {
    const seen = this.#seen()
    const screen = this.#screens.watch?.lines
    const endedByReset = seen.shutdown?.guest === true && seen.shutdown.reason === 'guest-reset'
    const hasCommand = this.plan.command.length > 0
    return {
      status,
      signal,
      stderr: screenLines(stderr).join('\n'),
      lastWords: screenLines(lastWords).join('\n'),
      started: this.#hasStarted,
      tripleFault:
        this.#resets.tripleFault ||
        (endedByReset && this.#resetLog.endsWithFault() && !this.#isFirmwareFault),
      ...seen,
      shown: this.#shown,
      shellExit: this.#shellExit,
      // With a command, no other code counts.
      ...(this.#consoleExit === undefined || hasCommand ? {} : { consoleExit: this.#consoleExit }),
      ...(this.#shell && hasCommand && this.#shellExit === undefined
        ? { unfinished: this.plan.command }
        : {}),
      endedBy: this.#endedBy,
      debugExit: this.plan.machine.debugExit !== false,
      timeoutMs: this.plan.timeoutMs,
      consoleTail: this.#console.tail(),
      ...(screen === undefined ? {} : { screen }),
    }
  }
}
