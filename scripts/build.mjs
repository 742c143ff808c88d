/** `npm run build`: compiles what has changed. */
import { ensureBuilt, ensureNpmPackages } from './install.mjs'

if (!((await ensureNpmPackages()) && (await ensureBuilt({ withTypes: true })))) process.exit(1)
