/** A rack that is described in code. */
import { BringupError } from '../diagnostics.ts'
import { diagnoseIssues, diagnoseText } from '../machine/schema-issues.ts'
import { type RackConfig, type RackInput, rackSchema } from '../rack/rack-schema.ts'

/**
 * Fills in defaults and units.
 *
 * @param at where the description would stand in a config file, for the paths of findings
 * @throws BringupError with every unknown key, wrong unit and wrong type
 */
export function parseRack(input: RackInput, at: readonly PropertyKey[]): RackConfig {
  const parsed = rackSchema.safeParse(input)
  const unfit = diagnoseText(input, at)
  if (parsed.success && unfit.length === 0) return parsed.data
  if (parsed.success) throw new BringupError(unfit)
  throw new BringupError(diagnoseIssues(parsed.error.issues, { schema: rackSchema, input, base: at }))
}
