/** A throw-away root whose distribution another package manager belongs to, with a project whose `build` set is given. */
import { expect } from 'vitest'
import { SETUP_CONFIG, setsOf } from '../support/setup-config.ts'
import { throwAwayRoot } from '../support/throw-away-root.ts'

export interface SetupRootRequest {
  /** `ID` of os-release(5). */
  readonly id: string
  /** Packages of Debian that bring the manager. */
  readonly packages: readonly string[]
  /** Shell lines that run in the root once. */
  readonly prepare: string
}

export type SetupRoot = ReturnType<typeof setupRoot>

export function setupRoot({ id, packages, prepare }: SetupRootRequest) {
  const root = throwAwayRoot(...packages)
  const sh = (script: string) => {
    const { stdout, stderr, status } = root.run(['bash', '-ec', script])
    expect(status, `${stdout}${stderr}`).toBe(0)
    return stdout
  }
  // A tree of another distribution would still be Debian's to apt.
  sh(`rm -f /etc/os-release; echo 'ID=${id}' > /etc/os-release; mkdir -p /srv/project
cat > /srv/project/bringup.config.mjs <<'END'
${SETUP_CONFIG}
END
${prepare}`)
  const run = (names: readonly string[], before: readonly string[], argv: readonly string[]) => {
    const wanted = names.map((name) => ({ kind: 'package', packages: name, why: 'is a test' }))
    return root.run([...before, 'bringup', ...argv, '--project', '/srv/project'], {
      env: { SETS: setsOf(wanted) },
    })
  }
  return {
    sh,
    /** Runs bringup in the project; its `build` set is these packages. */
    bringup: (names: readonly string[], ...argv: readonly string[]) => run(names, [], argv),
    bringupAsNobody: (names: readonly string[], ...argv: readonly string[]) =>
      run(names, ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'], argv),
    /** Codes of what a command with --json says went wrong. */
    codes: ({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }) => {
      expect(stdout, stderr).toMatch(/^\{/)
      const { diagnostics = [] } = JSON.parse(stdout) as { diagnostics?: { code: string }[] }
      return diagnostics.map((d) => d.code)
    },
    [Symbol.dispose]: () => root[Symbol.dispose](),
  }
}
