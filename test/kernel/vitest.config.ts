/** `npm run test:kernel`: builds Linux from source, which takes minutes and packages that `npm test` does without. */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [fileURLToPath(new URL('*.test.ts', import.meta.url))],
    testTimeout: 3_600_000,
    hookTimeout: 600_000,
  },
})
