/** Where this package lies: what it brings that is no JavaScript is found from there. */
import { fileURLToPath } from 'node:url'

/** Absolute, without a slash at its end. Right for `src/` as for the chunks that the build puts directly into `dist/`. */
export const PACKAGE_FOLDER: string = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
