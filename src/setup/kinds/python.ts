/** Dependency: a Python module: the distribution's, else by pip in an environment of this user's. */
import { dirname, join } from 'node:path'
import { findProgram, userTools } from '../../host/tools.ts'
import type { PythonDependency } from '../dependency.ts'
import { defineDependency } from '../kind.ts'
import { venvInstall } from '../steps/venv-install.ts'
import { packageOf } from './packages.ts'

/** Debian splits venv from Python. */
const VENV = { debian: 'python3-venv', fedora: 'python3', arch: 'python', suse: 'python3', alpine: 'python3' }

const DISTRIBUTION = '/usr/bin/python3'

/** Imports it, then says the version of the package that it came with, where that is known. */
const ASK = `import importlib, importlib.metadata as m, sys
importlib.import_module(sys.argv[1])
names = m.packages_distributions().get(sys.argv[1]) if hasattr(m, 'packages_distributions') else None
print(m.version(names[0]) if names else '')`

export const python = defineDependency<PythonDependency>({
  kind: 'python',
  title: ({ module }) => `Python module ${module}`,
  async check({ module }, { host }) {
    const own = join(userTools().python, 'bin', 'python3')
    const first = findProgram('python3')
    // Packages of the distribution are for its own interpreter, which need not be the first in PATH.
    const interpreters = new Set([first, ...[DISTRIBUTION, own].filter((path) => host.stat(path))])
    for (const path of interpreters) {
      if (path === undefined) continue
      const { exitCode, stdout } = await host.ask([path, '-c', ASK, module])
      const version = stdout.trim()
      if (exitCode !== 0) continue
      const detail = path === first ? {} : { detail: `for ${path}; put ${dirname(path)} first in PATH` }
      return { state: 'present', path, ...detail, ...(version === '' ? {} : { version }) }
    }
    return { state: 'missing', ...(first ? {} : { detail: 'there is no python3' }) }
  },
  fix({ module, packages, pip = module }, context) {
    const names = packageOf(packages, context)
    if (names) return { packages: [names] }
    const venv = packageOf(VENV, context)
    return {
      ...(venv ? { packages: [venv] } : {}),
      steps: [venvInstall.step({ package: pip, environment: userTools().python })],
    }
  },
})
