/** `npm run build`: compiles what has changed. */
import { ensureBuilt, ensureNpmPackages } from './install.mjs'

if (!((await ensureNpmPackages()) && (await ensureBuilt()))) process.exit(1)
