/** `bringup setup` with the real zypper and a small repository, in a root file system that is discarded. */
import { expect, test } from 'vitest'
import { expectCycle, expectRefusals } from './cycle.ts'
import { RPM_REFUSALS, RPM_REPOSITORY } from './rpm-packages.ts'
import { setupRoot } from './setup-root.ts'

const REPOSITORY = `${RPM_REPOSITORY}
zypper --quiet addrepo --no-gpgcheck /srv/own own; zypper --quiet refresh`

test('zypper: what comes is foreseen, comes, and goes again; others are left alone', () => {
  using root = setupRoot({
    id: 'opensuse-leap',
    packages: ['zypper', 'rpm', 'createrepo-c'],
    prepare: REPOSITORY,
  })
  expectCycle(root, {
    list: 'rpm --query --all | sort',
    listed: 'flex-tool-2.6-1.noarch\nhelper-1.0-1.noarch',
    installOther: 'zypper --quiet --non-interactive install other',
    removeOther: 'rpm --erase other',
  })
  // It tells only root what would come along.
  expect(root.codes(root.bringupAsNobody(['flex-tool'], 'setup', 'build', '--dry-run', '--json'))).toEqual([
    'PACKAGES_PREVIEW_NEEDS_ROOT',
  ])
  expectRefusals(root, RPM_REFUSALS)
})
