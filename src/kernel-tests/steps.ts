/** Steps of a kernel's test, as a config file has them: what is typed, and what must be seen. */
import * as z from 'zod'
import { zPattern } from '../pattern.ts'
import { zDuration } from '../units.ts'

const text = z.string().min(1)

const zName = {
  name: text.optional().describe('What is tested, for the report. Default: the step in words.'),
}

/** What is seen proves something, and may be worth something. */
const zProof = {
  ...zName,
  echo: z
    .boolean()
    .optional()
    .describe('The echo of what an earlier step typed counts too. Default: it does not.'),
  points: z.number().nonnegative().optional().describe('What the step is worth in a course.'),
  timeout: zDuration
    .default(30_000)
    .describe(
      'How long it may take, in time that the guest had: while it waits for a processor of this computer, nothing counts. Default: 30s.',
    ),
}

const zExpect = z.strictObject({
  expect: text.describe('Text that must come on the console or on the screen.'),
  ...zProof,
})
const zMatch = z.strictObject({
  match: zPattern.describe('Regular expression for a line of the console or of the screen.'),
  ...zProof,
})
const zScreen = z.strictObject({ screen: text.describe('Text that must be on the screen.'), ...zProof })
const zType = z.strictObject({
  type: text.describe('Text that is typed into the console. `\\n` is the return key.'),
  ...zName,
})
const zKeys = z.strictObject({
  keys: z
    .union([text, z.array(text).nonempty()])
    .describe('Keys of the keyboard: those of a text, or a list by name: `["esc", "ctrl-alt-delete"]`.'),
  ...zName,
})

const KINDS = ['expect', 'match', 'screen', 'type', 'keys']
const listed = (words: readonly string[]) => {
  const quoted = words.map((word) => `"${word}"`)
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`
}

/** A step that does two things is one mistake, not one for each key that the other kind does not have. */
const zStep = z.preprocess(
  (step, context) => {
    if (typeof step !== 'object' || step === null || Array.isArray(step)) return step
    const kinds = KINDS.filter((kind) => kind in step)
    if (kinds.length === 1) return step
    const has = kinds.length === 0 ? 'none of them' : listed(kinds)
    const message = `a step has one of ${listed(KINDS)}, and this one has ${has}`
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  },
  z.union([zExpect, zMatch, zScreen, zType, zKeys]),
)

export type TestStep = z.output<typeof zStep>

/** Whether the step proves anything. */
export const isProof = (step: TestStep): boolean => !('type' in step || 'keys' in step)

/** `kernel.test` in a config file. */
export const stepsSchema = z.array(zStep).refine((steps) => steps.some(isProof), {
  error: 'at least one step has to expect something: keys alone prove nothing',
})

/** Points may be fractions: 0.1 and 0.2 are 0.3. */
export const sumOfPoints = (points: readonly number[]): number =>
  Number(points.reduce((total, n) => total + n, 0).toFixed(9))

/** The step in words: its name, else what it does. */
export function nameOf(step: TestStep): string {
  if (step.name !== undefined) return step.name
  if ('expect' in step) return `expect ${JSON.stringify(step.expect)}`
  if ('match' in step) return `match /${step.match}/`
  if ('screen' in step) return `screen ${JSON.stringify(step.screen)}`
  if ('type' in step) return `type ${JSON.stringify(step.type)}`
  return `keys ${typeof step.keys === 'string' ? JSON.stringify(step.keys) : step.keys.join(' ')}`
}
