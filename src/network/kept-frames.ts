/** Frames on the way between guests that are paused: kept with the guests, and delivered to their forks. */
export interface KeptFrame {
  /** Port that it goes to. */
  readonly to: string
  /** Port that it came from, where a fault delays it. */
  readonly from?: string
  /** What is left of its delay. */
  readonly afterMs: number
  /** With its length in front. */
  readonly bytes: Uint8Array
}
