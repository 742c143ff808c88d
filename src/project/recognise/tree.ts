/** A source tree as `bringup init` looks at it: names and texts, read only when asked for. */
export interface SourceTree {
  readonly folder: string
  /** Whether that file or folder is there, by path relative to the tree. */
  readonly has: (path: string) => boolean
  /** Text of a file; undefined when it is not there or is no file. At most its first MiB. */
  readonly read: (path: string) => string | undefined
  /** Sorted names in a folder of the tree; empty when it is not there. */
  readonly list: (path?: string) => readonly string[]
}

/** One entry of a config file that is to be written. */
export interface SketchEntry {
  readonly key: string
  /** Plain data, written as a literal. */
  readonly value: unknown
  /** Lines of comment above it. */
  readonly comment?: readonly string[]
}

/** What was recognised, and the config that follows from it. */
export interface ConfigSketch {
  /** For the reader: `Linux 6.1.119 source tree`. */
  readonly what: string
  /** What it was recognised by: `Kbuild and MAINTAINERS`. */
  readonly because: string
  /** Entries of the config, in order. */
  readonly entries: readonly SketchEntry[]
  /** What the reader has yet to decide: `the image's path is a guess`. */
  readonly remarks?: readonly string[]
  /** What the reader should know, and need not act on. */
  readonly notes?: readonly string[]
  /** The command that writes the config. Default: `bringup init`. */
  readonly by?: string
}
