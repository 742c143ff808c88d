/** Time limits that fit guests: Vitest's own are made for functions. */
import { vi } from 'vitest'

/** A guest needs seconds to boot, and more on a loaded computer. */
const GUEST_TIMEOUT_MS = 60_000

/** What Vitest uses where a config says nothing (vitest/defaults: `testTimeout`, `hookTimeout`). */
const VITEST_DEFAULTS = { testTimeout: 5000, hookTimeout: 10_000 }

interface Worker {
  readonly config?: { readonly testTimeout?: number; readonly hookTimeout?: number }
}

/** Raises the limits of this test file to 60 s, each only where it still is Vitest's default. */
export function raiseTimeouts(): void {
  const { config = {} } = ((globalThis as { __vitest_worker__?: Worker }).__vitest_worker__ ?? {}) as Worker
  const raised = Object.entries(VITEST_DEFAULTS).filter(
    ([key, value]) => config[key as keyof typeof VITEST_DEFAULTS] === value,
  )
  if (raised.length > 0) vi.setConfig(Object.fromEntries(raised.map(([key]) => [key, GUEST_TIMEOUT_MS])))
}
