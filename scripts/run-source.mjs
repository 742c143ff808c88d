/** Runs a TypeScript file of this repository with the rest of the arguments: `node scripts/run-source.mjs bench/main.ts`. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createJiti } from 'jiti'
import { ROOT } from './processes.mjs'

const [file] = process.argv.splice(2, 1)
const jiti = createJiti(pathToFileURL(`${ROOT}/`).href, {
  alias: { 'bringup/test': `${ROOT}/src/testing/index.ts`, bringup: `${ROOT}/src/index.ts` },
  fsCache: `${ROOT}/node_modules/.cache/jiti`,
})
await jiti.import(resolve(ROOT, file))
