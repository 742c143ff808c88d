/** What the build says of itself. */

/** Put in by `scripts/bundle.mjs`. */
declare const BRINGUP_BUILD: string | undefined

/** Another one for every other source; undefined where the sources run as they are, and change under our feet. */
export const BUILD_ID: string | undefined = typeof BRINGUP_BUILD === 'string' ? BRINGUP_BUILD : undefined
