import { expect, test } from 'vitest'
import { containerSchema } from './container-schema.ts'

test.each([
  [{ base: 'debian\nRUN evil' }],
  [{ base: '--platform=x' }],
  [{ base: '' }],
  [{ packages: ['git\nRUN evil'] }],
  [{ packages: ['-oDir=/'] }],
])('%j becomes no line of a Dockerfile and no option', (config) =>
  expect(containerSchema.safeParse(config).success).toBe(false),
)

test('names as they are', () =>
  expect(
    containerSchema.safeParse({
      base: 'registry.example:5000/team/debian:12@sha256:00ff',
      packages: ['g++', 'libstdc++-14-dev', 'git=1:2.39.2-1+deb12u1', 'libc6-dev:i386'],
    }).success,
  ).toBe(true))
