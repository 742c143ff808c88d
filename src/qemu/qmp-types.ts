/** Shapes of the QMP commands and events that bringup uses. Source: QEMU's `qapi/*.json`. */

export type Json = Record<string, unknown>

type Nothing = Record<string, never>
type Plain<Answer = Nothing> = { arguments: undefined; answer: Answer }
type With<Arguments, Answer = Nothing> = { arguments: Arguments; answer: Answer }

export interface QmpProperty {
  readonly name: string
  readonly type: string
  readonly description?: string
  readonly 'default-value'?: unknown
}

/** One entry of QEMU's schema: a command, a type, an event. */
export interface QmpSchemaInfo {
  readonly name: string
  readonly 'arg-type'?: string
  readonly variants?: readonly { readonly case: string; readonly type: string }[]
  /** What a command can do that it could not always. */
  readonly features?: readonly string[]
  /** `command`, `enum`, `object`. */
  readonly 'meta-type'?: string
  /** Of an enumeration. */
  readonly values?: readonly string[]
}

/** The commands that bringup uses: arguments and answer. Others go through with untyped shapes. */
export interface QmpCommands {
  qmp_capabilities: Plain
  cont: Plain
  stop: Plain
  quit: Plain
  system_reset: Plain
  system_powerdown: Plain
  system_wakeup: Plain
  'inject-nmi': Plain
  screendump: With<{ filename: string; format?: 'ppm' | 'png'; device?: string; head?: number }>
  pmemsave: With<{ val: number; size: number; filename: string }>
  'send-key': With<{
    keys: readonly { type: 'qcode'; data: string }[]
    'hold-time'?: number
  }>
  'set-action': With<{
    reboot?: 'reset' | 'shutdown'
    shutdown?: 'poweroff' | 'pause'
    panic?: 'pause' | 'shutdown' | 'exit-failure' | 'none'
    watchdog?: 'reset' | 'shutdown' | 'poweroff' | 'pause' | 'debug' | 'none' | 'inject-nmi'
  }>
  'query-chardev': Plain<readonly { readonly label: string; readonly filename: string }[]>
  'query-status': Plain<{ readonly status: string; readonly running: boolean }>
  'query-version': Plain<{
    readonly qemu: { readonly major: number; readonly minor: number; readonly micro: number }
    readonly package: string
  }>
  'query-qmp-schema': Plain<readonly QmpSchemaInfo[]>
  'query-target': Plain<{ readonly arch: string }>
  'query-kvm': Plain<{ readonly enabled: boolean; readonly present: boolean }>
  'query-cpus-fast': Plain<
    readonly {
      readonly 'cpu-index': number
      readonly 'thread-id': number
      readonly 'qom-path': string
      readonly props?: Readonly<Record<string, number>>
    }[]
  >
  'query-cpu-model-expansion': With<
    { type: 'full' | 'static'; model: { name: string; props?: Json } },
    { readonly model?: { readonly name: string; readonly props?: Json } }
  >
  'query-hotpluggable-cpus': Plain<
    readonly {
      readonly type: string
      readonly 'vcpus-count': number
      readonly props: Readonly<Record<string, number>>
      readonly 'qom-path'?: string
    }[]
  >
  'query-memory-devices': Plain<readonly { readonly type: string; readonly data: Json }[]>
  'query-machines': Plain<
    readonly {
      readonly name: string
      readonly alias?: string
      readonly 'cpu-max': number
      readonly deprecated?: boolean
      readonly 'default-cpu-type'?: string
      readonly 'default-ram-id'?: string
    }[]
  >
  'query-cpu-definitions': Plain<
    readonly {
      readonly name: string
      readonly typename: string
      readonly 'unavailable-features'?: readonly string[]
    }[]
  >
  'query-command-line-options': With<
    { option?: string },
    readonly {
      readonly option: string
      readonly parameters: readonly { readonly name: string; readonly type: string }[]
    }[]
  >
  'qom-list-types': With<
    { abstract?: boolean; implements?: string },
    readonly { readonly name: string; readonly parent?: string; readonly abstract?: boolean }[]
  >
  'qom-list-properties': With<{ typename: string }, readonly QmpProperty[]>
  'device-list-properties': With<{ typename: string }, readonly QmpProperty[]>
  'qom-get': With<{ path: string; property: string }, unknown>
  'human-monitor-command': With<{ 'command-line': string }, string>
  migrate: With<{ uri: string }>
  'migrate-incoming': With<{ uri: string }>
  'query-migrate': Plain<{ readonly status?: string; readonly 'error-desc'?: string }>
  'migrate-set-capabilities': With<{ capabilities: readonly { capability: string; state: boolean }[] }>
}

/** The data of the events that bringup waits for. Others come with untyped data. */
export interface QmpEvents {
  SHUTDOWN: { readonly guest: boolean; readonly reason: string }
  RESET: { readonly guest: boolean; readonly reason: string }
  POWERDOWN: Nothing
  STOP: Nothing
  RESUME: Nothing
  SUSPEND: Nothing
  WAKEUP: Nothing
  WATCHDOG: { readonly action: string }
  GUEST_PANICKED: { readonly action: string; readonly info?: Json }
  GUEST_CRASHLOADED: { readonly action: string; readonly info?: Json }
  MIGRATION: { readonly status: string }
  BLOCK_IO_ERROR: { readonly device: string; readonly operation: string; readonly reason: string }
  DEVICE_DELETED: { readonly device?: string; readonly path: string }
}

/** What comes with an event of that name. */
export type EventData<Name extends string> = Name extends keyof QmpEvents ? QmpEvents[Name] : Json

/** One event as an iteration over all of them yields it. */
export interface QmpEvent {
  readonly name: string
  readonly data: Json
  /** When QEMU sent it: milliseconds since the epoch. */
  readonly atMs: number
}
