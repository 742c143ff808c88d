/** A project for tests of `bringup setup`: a profile whose dependency sets are in the environment. */

export const SETUP_CONFIG = `export default { profile: 'own', profiles: [{
  name: 'own', summary: 'a test', defaults: {}, hasShell: false, verifiesByDefault: false,
  judgement: { exitCodes: {}, panicPatterns: [], onPowerOff: 'passed', onReset: 'stop' },
  prepare: async () => ({ machine: {} }),
  dependencies: JSON.parse(process.env.SETS ?? '[]') }] }
`

/** The value of `SETS` for a set `build` of these dependencies. */
export const setsOf = (dependencies: readonly object[]): string =>
  JSON.stringify([{ name: 'build', summary: 'a test', dependencies }])
