/** Timers for times that a user gives: `setTimeout` fires at once for more than 2^31 - 1 ms (24.8 days). */

export interface Timer {
  clear(): void
}

const LONGEST_MS = 2 ** 31 - 1

/** Calls back once after that time, however long it is. Never for `Infinity`. */
export function startTimer(ms: number, onEnd: () => void): Timer {
  let timer: NodeJS.Timeout | undefined
  const arm = (left: number) => {
    timer = setTimeout(
      () => (left > LONGEST_MS ? arm(left - LONGEST_MS) : onEnd()),
      Math.min(left, LONGEST_MS),
    )
  }
  arm(ms)
  return { clear: () => clearTimeout(timer) }
}

/** As `AbortSignal.timeout`, for times of any length; `clear` lets the process end before. */
export function deadlineSignal(ms: number): Timer & { readonly signal: AbortSignal } {
  const controller = new AbortController()
  const { clear } = startTimer(ms, () => controller.abort(new DOMException('deadline', 'TimeoutError')))
  return { signal: controller.signal, clear }
}

/** Resolves after that time. For what has no event, such as what a guest draws; else wait for the event. */
export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => void startTimer(ms, () => resolve()))
