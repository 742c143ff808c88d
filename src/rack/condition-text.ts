/** Conditions of a rack in words. */
import type { Condition } from '../plan/plan.ts'

/** `server shows /Ready to accept/`. */
export function conditionText(condition: Condition): string {
  const { guest } = condition
  if ('shows' in condition) return `${guest} shows /${condition.shows}/`
  if ('port' in condition) return `${guest} accepts connections on port ${condition.port}`
  return `${guest} ${condition.ends === 'passed' ? 'passes' : 'ends'}`
}
