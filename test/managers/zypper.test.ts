/** `bringup setup` with the real zypper and a small repository, in a root file system that is thrown away. */
import { expect, test } from 'vitest'
import { RPM_REPOSITORY } from './rpm-packages.ts'
import { setupRoot } from './setup-root.ts'

const REPOSITORY = `${RPM_REPOSITORY}
zypper --quiet addrepo --no-gpgcheck /srv/own own; zypper --quiet refresh`

test('zypper: what comes is foreseen, comes, and goes again; others are left alone', () => {
  const packages = ['zypper', 'rpm', 'createrepo-c']
  using root = setupRoot({ id: 'opensuse-leap', packages, prepare: REPOSITORY })
  const snapshot = () =>
    root.sh('rpm --query --all | sort; cd /etc && find . -type f | sort | xargs sha256sum')
  const before = snapshot()
  expect(before).toContain('base-library-1.0-1')

  const wanted = ['flex-tool']
  const first = root.bringup(wanted, 'setup', 'build', '--yes')
  expect(first.status, first.stderr).toBe(0)
  expect(first.stderr).toContain('1 packages and 1 that they need')
  expect(snapshot()).toContain('flex-tool-2.6-1.noarch\nhelper-1.0-1.noarch')
  expect(JSON.parse(root.bringup(wanted, 'setup', 'build', '--json').stdout)).toMatchObject({
    state: 'nothing-to-do',
  })

  root.sh('zypper --quiet --non-interactive install other')
  expect(root.codes(root.bringup(wanted, 'undo', '--yes', '--json'))).toEqual(['PACKAGES_NEEDED_BY_OTHERS'])
  root.sh('rpm --erase other')
  const undone = root.bringup(wanted, 'undo', '--yes')
  expect(undone.status, undone.stderr).toBe(0)
  expect(snapshot()).toBe(before)

  // It tells only root what would come along.
  expect(root.codes(root.bringupAsNobody(['flex-tool'], 'setup', 'build', '--dry-run', '--json'))).toEqual([
    'PACKAGES_PREVIEW_NEEDS_ROOT',
  ])
  const refused = (name: string) => root.codes(root.bringup([name], 'setup', 'build', '--yes', '--json'))
  expect(refused('flexx-tool')).toEqual(['PACKAGE_UNKNOWN'])
  expect(refused('unmet')).toEqual(['PACKAGES_UNMET'])
  expect(refused('successor')).toEqual(['PACKAGES_WOULD_GO'])
  expect(snapshot()).toBe(before)
}, 400_000)
