/** Every value that 'bringup' and 'bringup/test' export has an example in its TSDoc, and every example runs. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as bringup from 'bringup'
import { createJiti } from 'jiti'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-api-'))
const before = process.cwd()

beforeAll(() => {
  // What the examples name: a project whose default machine has a store.
  const devices = [{ kind: 'nvdimm', id: 'pm0', size: '16M' }]
  writeFileSync(
    join(folder, 'bringup.config.json'),
    JSON.stringify({ machines: { default: { memory: '64M', devices } } }),
  )
  mkdirSync(join(folder, 'examples'))
  process.chdir(folder)
})
afterAll(() => {
  process.chdir(before)
  rmSync(folder, { recursive: true, force: true })
})

const jiti = createJiti(join(root, 'test.mjs'), {
  alias: { bringup: join(root, 'src/index.ts') },
  fsCache: false,
})

/** Lines of the examples in the comments right above declarations: one for each overload of a function. */
const examples = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .flatMap((file) => {
    const text = readFileSync(join(root, 'src', file), 'utf8')
    const declared =
      /\/\*\*((?:(?!\*\/)[\s\S])*?)@example\n((?:(?!\*\/)[\s\S])*?)\*\/\nexport (?:const|async function|function|class) (\w+)/g
    return [...text.matchAll(declared)].map(
      ([, , body = '', name = '']) => [name, body.replaceAll(/^ \* ?/gm, '').trim()] as const,
    )
  })

/** Numbers whose name says it all. */
const UNITS = ['KiB', 'MiB', 'GiB', 'TiB']
const values = Object.keys(bringup).filter((name) => !UNITS.includes(name))

/** Free names of the examples, as a reader would take them. */
const PRELUDE = `
const machine = { memory: '64M', devices: [{ kind: 'nvdimm', id: 'pm0', size: '16M' }] }
`
describe('exports of bringup', () => {
  test.each(values)('%s has an example that runs', { timeout: 1_200_000 }, async (name) => {
    const own = examples.filter(([of]) => of === name)
    expect(own.length, `an @example above ${name}`).toBeGreaterThan(0)
    for (const [index, [, example]] of own.entries()) {
      const path = join(folder, 'examples', `${name}-${index}.ts`)
      // An example may end with an export, as config files do.
      writeFileSync(
        path,
        `import { ${values.join(', ')} } from 'bringup'\n${PRELUDE}\n${example}\nexport {}\n`,
      )
      await jiti.import(path)
    }
  })
})
