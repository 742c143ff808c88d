/** The JSON Schema of the config file, generated from the zod schemas that check it. */
import * as z from 'zod'
import { configFileSchema } from './config-schema.ts'

/** JSON Schema (draft 2020-12) of `bringup.config.json`, as an author writes it. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(configFileSchema, {
    io: 'input',
    target: 'draft-2020-12',
    unrepresentable: 'any',
  })
  return {
    ...schema,
    title: 'bringup config',
    description: 'Machines that bringup can boot. The guide has a page on each device.',
  }
}
