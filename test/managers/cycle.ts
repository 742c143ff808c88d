/** What `bringup setup` has to do with any package manager: foresee, install, leave alone, take away. */
import { expect } from 'vitest'
import type { SetupRoot } from './setup-root.ts'

export interface Cycle {
  /** Shell words that list the packages that are there. */
  readonly list: string
  /** How the list names `flex-tool` and what it needs, once both are there. */
  readonly listed: string
  /** Shell words that install and remove `other`, which needs `helper` too. */
  readonly installOther: string
  readonly removeOther: string
}

/** The repository has `flex-tool`, which needs `helper` and `base-library`; the root has `base-library` only. */
export function expectCycle(root: SetupRoot, { list, listed, installOther, removeOther }: Cycle): void {
  const snapshot = () =>
    root.sh(
      `${list}; cd /etc && find . -type f ! -name ld.so.cache -printf '%p %m %u:%g\\n' -exec sha256sum {} + | sort`,
    )
  const before = snapshot()
  expect(before).toContain('base-library')
  const wanted = ['flex-tool']
  const first = root.bringup(wanted, 'setup', 'build', '--yes')
  expect(first.status, first.stderr).toBe(0)
  expect(first.stderr).toContain('1 packages and 1 that they need')
  expect(snapshot()).toContain(listed)
  expect(JSON.parse(root.bringup(wanted, 'setup', 'build', '--json').stdout)).toMatchObject({
    state: 'nothing-to-do',
  })
  root.sh(installOther)
  expect(root.codes(root.bringup(wanted, 'undo', '--yes', '--json'))).toEqual(['PACKAGES_NEEDED_BY_OTHERS'])
  root.sh(removeOther)
  const undone = root.bringup(wanted, 'undo', '--yes')
  expect(undone.status, undone.stderr).toBe(0)
  expect(snapshot()).toBe(before)
}

/** Package by package: the code with which it is refused. Nothing is changed. */
export function expectRefusals(root: SetupRoot, refusals: Readonly<Record<string, string>>): void {
  for (const [name, code] of Object.entries(refusals))
    expect(root.codes(root.bringup([name], 'setup', 'build', '--yes', '--json')), name).toEqual([code])
}
