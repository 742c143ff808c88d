/** 'bringup/test': Vitest's test and expect, with machines. */
export { type Launch, test } from './fixtures.ts'
export { expect, type GuestMatchers } from './matchers.ts'
