/** What one call of `bringup sweep` has to do on a cluster. */
import type { Task } from '../run-attempt.ts'
import type { Group } from './groups.ts'
import type { Queue } from './queue.ts'
import type { Site } from './site.ts'

export interface Work {
  readonly queue: Queue
  readonly mark: string
  readonly site: Site
  readonly tasks: readonly Task[]
  readonly groups: readonly Group[]
}
