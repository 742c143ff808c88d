/** One test file, each test on a guest of its own: guests that boot, compared with guests that are restored. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { measure, spawned } from './measure.ts'
import { FOLDER } from './setting.ts'

const PACKAGE = fileURLToPath(new URL('..', import.meta.url))
const CASES = 20
const ROUNDS = 3

const testFile = (origin: 'boot' | 'state') => `
import { expect, test } from 'bringup/test'

test.override('options', { profile: 'linux' })
test.override('machine', { cpu: 1, memory: '256M', accel: 'tcg' })
test.override('origin', '${origin}')

test.for(Array.from({ length: ${CASES} }, (_, i) => i + 1))('dd writes %i MiB', { timeout: 600_000 }, async (size, { guest }) => {
  await expect(guest).toRun(['dd', 'if=/dev/zero', 'of=/tmp/file', 'bs=1M', \`count=\${size}\`])
})
`

export async function tests(): Promise<void> {
  const folder = join(FOLDER, 'tests')
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  symlinkSync(PACKAGE, join(folder, 'node_modules/bringup'))
  symlinkSync(join(PACKAGE, 'node_modules/vitest'), join(folder, 'node_modules/vitest'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const vitest = (origin: 'boot' | 'state') => {
    writeFileSync(join(folder, 'dd.test.ts'), testFile(origin))
    return spawned([process.execPath, join(PACKAGE, 'node_modules/vitest/vitest.mjs'), 'run'], folder)
  }
  await measure({
    title: `npx vitest run, ${CASES} tests, each on a Linux guest of its own`,
    rounds: ROUNDS,
    contenders: [
      { name: 'guests that boot', run: () => vitest('boot') },
      { name: 'guests restored from the saved state', run: () => vitest('state') },
    ],
  })
  rmSync(folder, { recursive: true })
}
