/** A running machine. */

import type { NotCompared } from '../machine/device.ts'
import type { UserForward } from '../machine/devices/nic-forwards.ts'
import type { GuestView } from '../machine/guest-view.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { Comparison } from '../plan/verify.ts'
import type { QmpClient } from '../qemu/qmp.ts'
import type { Console } from './console.ts'
import type { GdbTarget } from './gdb.ts'
import type { GuestScreen } from './guest-screen.ts'
import type { DeviceInput } from './hotplug.ts'
import type { GuestOptions } from './options.ts'
import type { KeyOptions } from './press-keys.ts'
import type { GuestRdma } from './rdma.ts'
import type { GuestFolder, GuestResult } from './record.ts'
import type { FreshState, GuestSave, SavePlace } from './save-guest.ts'

/** Output of a command that ran in the guest. */
export interface CommandResult {
  readonly stdout: string
  readonly stderr: string
  /** 128 + signal number when a signal ended it, as shells say it. */
  readonly exitCode: number
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** What the command reads; nothing unless told. A stream is read as fast as the command takes it. */
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array>
  readonly timeoutMs?: number
  readonly onStdout?: (chunk: Uint8Array) => void
  readonly onStderr?: (chunk: Uint8Array) => void
}

export interface TerminalOptions {
  /** Size of the window: 24 rows of 80 columns unless set. */
  readonly rows?: number
  readonly columns?: number
  /** Type of the terminal, for TERM: `vt100` unless set. */
  readonly term?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** A command that runs on a terminal of the guest. */
export interface GuestTerminal {
  /**
   * What the command writes and reads. Control characters are keys: `\x03` is Ctrl-C. Lines end in CR LF, and what is
   * written is echoed by the guest.
   */
  readonly console: Console
  /**
   * The command's exit code: 128 + signal number when a signal ended it. Rejects with `SHELL_ENDED` when the guest ends
   * first, with `GUEST_TERMINAL_FAILED` when it has no terminal for the command.
   */
  readonly ended: Promise<number>
  /** The window has that size from now on; the program in the foreground gets SIGWINCH. */
  resize(size: { readonly rows: number; readonly columns: number }): void
  /** Closes the terminal: the command and the foreground group get SIGHUP. */
  hangUp(): void
}

/** The way to the QEMU that runs a guest. */
export interface QemuAccess {
  /** The typed QMP client of this QEMU. */
  readonly qmp: QmpClient
  /** QEMU's process. */
  readonly pid: number

  /**
   * Adds an NVDIMM while the machine runs. It obeys the rules that it would have obeyed from the start; its file is made if
   * missing, and locked for as long as QEMU lives. The machine must have room: `memory: { hotplug: { size: '512M' } }`.
   * Resolves when QEMU has it; the guest hears of it by ACPI, and `verify` counts it in.
   *
   * @returns its id
   * @throws BringupError with everything that is wrong; `HOTPLUG_NO_ROOM`, `HOTPLUG_UNSUPPORTED`, `STORE_LOCKED`
   *
   * @example
   * const id = await guest.qemu.plug({ kind: 'nvdimm', size: '128M' })
   */
  plug(device: DeviceInput): Promise<string>

  /**
   * Removes a device while the machine runs, when QEMU can and the guest lets it go.
   *
   * @param options.timeoutMs How long the guest may take (10,000).
   * @throws BringupError `UNPLUG_UNSUPPORTED` (NVDIMMs: QEMU has no unplug for them), `UNPLUG_UNKNOWN`, `UNPLUG_TIMEOUT`
   */
  unplug(id: string, options?: { readonly timeoutMs?: number }): Promise<void>

  /**
   * Begins to save the guest; see `saveState`, which callers use.
   *
   * @param placeOf place of the state, by the folder that keeps runs and stores
   * @internal
   */
  save(placeOf: (stateFolder: string) => SavePlace): Promise<SavedFrom & { readonly save: GuestSave }>
}

/** The guest that is saved, and what its forks are started with. @internal */
export interface SavedFrom extends Pick<GuestOptions, 'facts' | 'profile' | 'stateFolder'> {
  readonly plan: GuestPlan
}

/** A state that was just saved. @internal */
export interface SavedGuest extends FreshState, SavedFrom {}

/** A machine that runs, from `launch()` until `done` resolves. Disposing of it ends it. */
export interface Guest extends AsyncDisposable {
  /** Its name in the run; that of its machine where the run has no other guest. */
  readonly name: string
  readonly plan: GuestPlan
  readonly folder: GuestFolder
  readonly console: Console
  /** What only a guest of QEMU has. */
  readonly qemu: QemuAccess
  /** RDMA devices of the guest. */
  readonly rdma: GuestRdma
  /** Host ports of NIC forwards, those chosen by the kernel included. Empty before the guest runs. */
  readonly forwards: readonly UserForward[]
  /**
   * How gdb reaches the guest; undefined without a server for gdb. With `gdb` in the description `launch` resolves while
   * the guest waits at its first instruction.
   *
   * @example
   * await using guest = await launch({ gdb: true, boot: { kernel: 'kernel.elf' } }, { profile: 'bare' })
   * console.log(guest.gdb?.command.join(' '))
   */
  readonly gdb: GdbTarget | undefined
  /**
   * The port of this computer that leads to a port of the guest.
   *
   * @throws BringupError `GUEST_PORT_NOT_FORWARDED`
   * @example
   * const guest = await launch({ devices: [{ kind: 'nic', forwards: ['tcp::80'] }] })
   * await fetch(`http://127.0.0.1:${guest.port(80)}`)
   */
  port(guestPort: number, protocol?: 'tcp' | 'udp'): number
  /** Whether the machine has ended; `done` is its result then. */
  readonly hasEnded: boolean
  /** How it ended; never rejects. */
  readonly done: Promise<GuestResult>

  /**
   * Runs a command in the guest, apart from its console.
   *
   * @param argv Program and arguments; no shell is involved.
   * @throws BringupError `GUEST_HAS_NO_SHELL`, `SHELL_ENDED` when the guest dies, `SHELL_TIMEOUT`
   */
  run(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>

  /**
   * Runs a command on a terminal of the guest, for programs that behave otherwise on one: shells with job control,
   * editors, whatever asks `isatty`. Resolves when the command was started.
   *
   * @param argv Program and arguments; no shell is involved.
   * @throws BringupError `GUEST_HAS_NO_SHELL`, `SHELL_ENDED` when the guest dies
   * @example
   * await using guest = await launch({}, { profile: 'linux' })
   * const terminal = await guest.terminal(['sh'], { rows: 40, columns: 100 })
   * await terminal.console.expect('# ')
   * terminal.console.write('stty size; exit 7\r')
   * await terminal.console.expect('40 100')
   * console.log(await terminal.ended) // 7
   */
  terminal(argv: readonly string[], options?: TerminalOptions): Promise<GuestTerminal>

  /**
   * Content of a file in the guest.
   *
   * @throws BringupError `GUEST_HAS_NO_SHELL`, `GUEST_FILE_FAILED` with what the guest's kernel said, `SHELL_ENDED`
   */
  readFile(path: string): Promise<Buffer>

  /**
   * Writes a file in the guest; one that is there is overwritten.
   *
   * @param mode Permission bits; 0o644 unless told.
   * @throws BringupError `GUEST_HAS_NO_SHELL`, `GUEST_FILE_FAILED`, `SHELL_ENDED`
   */
  writeFile(path: string, content: string | Uint8Array, mode?: number): Promise<void>

  /**
   * Copies a file or a folder of this computer to a path of the guest; symbolic links stay links.
   *
   * @throws BringupError `COPY_SOURCE_MISSING`, `GUEST_HAS_NO_SHELL`, `GUEST_FILE_FAILED`, `SHELL_ENDED`
   * @example
   * await guest.copyIn('testdata', '/tmp/testdata')
   */
  copyIn(from: string, to: string): Promise<void>

  /**
   * Copies a file or a folder of the guest to a path of this computer that does not exist yet. Names and links that lead
   * out of that path are refused, special files are left out, and set-uid bits are dropped.
   *
   * @throws BringupError `COPY_TARGET_EXISTS`, `COPY_SOURCE_MISSING`, `COPY_REFUSED`, and as `readFile`
   * @example
   * await guest.copyOut('/var/log', 'logs')
   */
  copyOut(from: string, to: string): Promise<void>

  /**
   * A serial port beyond the first, or a virtio-serial port, by its device's id: waits, reads and writes as the console
   * does. What comes to a `log` is also in `channels/ID.log` of the run's folder; a `bulk` one is read from the first
   * call on, and what it got before waits in the guest.
   *
   * @throws BringupError `GUEST_HAS_NO_CHANNEL`
   */
  channel(id: string): Console

  /** What the guest draws: read from its VGA card or its display, which needs no window. */
  readonly screen: GuestScreen

  /**
   * Presses keys of a US keyboard: those that type a text, in which `<enter>` or `<ctrl-c>` are keys by name, or a list
   * of names. Each key is pressed when the guest has taken the last, where that can be seen: PS/2 keyboards, and BIOS.
   *
   * @throws BringupError `KEY_UNKNOWN`, `KEY_NOT_TAKEN`
   * @example
   * await guest.keys('ls<enter>')
   * await guest.keys(['ctrl-alt-delete'])
   */
  keys(keys: string | readonly string[], options?: KeyOptions): Promise<void>

  /** What the guest saw of its hardware; undefined when it cannot report it or has not reported yet. */
  view(): Promise<GuestView | undefined>

  /**
   * What it found, compared with the description. Each row names its source (`by`).
   *
   * @throws BringupError GUEST_NOT_COMPARED when the guest has not reported, or not everything
   */
  verify(): Promise<readonly Comparison[]>

  /**
   * Properties of the machine that `verify` proves nothing about, each with the reason.
   *
   * @example
   * for (const { device, aspect, because } of await guest.notCompared()) console.log(device, aspect, because)
   */
  notCompared(): Promise<readonly NotCompared[]>

  /**
   * Resets the machine as its reset button would, without QEMU ending: RAM-backed stores keep their content.
   * Resolves at the reset: the console waits from here on for what the next boot says, and so does `run`.
   *
   * @param options.orderly The guest restarts itself by its command channel: services end, file systems are written.
   * @throws BringupError `GUEST_HAS_NO_SHELL` when `orderly` and there is no channel, `SHELL_ENDED` when the guest dies
   */
  reboot(options?: { readonly orderly?: boolean }): Promise<void>

  /**
   * Ends the run because the command that it was for has ended with that code, which becomes the run's. A guest that
   * writes to a disk that is kept shuts down first, for up to two minutes.
   */
  endWith(exitCode: number): Promise<GuestResult>

  /** Ends the run on the user's wish: the verdict is `interrupted`. */
  interrupt(): Promise<GuestResult>

  /** Ends QEMU by SIGKILL, as a host's out-of-memory killer would. Resolves when it is gone. */
  kill(): Promise<GuestResult>

  /** Ends the machine by QMP `quit`, or by SIGKILL when that takes longer than `timeoutMs` (2,000). */
  close(options?: { readonly timeoutMs?: number }): Promise<GuestResult>
}
