/** `bringup setup` with the real dnf and a small repository, in a root file system that is discarded. */
import { test } from 'vitest'
import { expectCycle, expectRefusals } from './cycle.ts'
import { RPM_REFUSALS, RPM_REPOSITORY } from './rpm-packages.ts'
import { setupRoot } from './setup-root.ts'

const REPOSITORY = `${RPM_REPOSITORY}
mkdir -p /etc/yum.repos.d; printf '[own]\\nname=own\\nbaseurl=file:///srv/own\\ngpgcheck=0\\n' > /etc/yum.repos.d/own.repo`

test('dnf: what comes is foreseen, comes, and goes again; others are left alone', () => {
  using root = setupRoot({ id: 'fedora', packages: ['dnf', 'rpm', 'createrepo-c'], prepare: REPOSITORY })
  expectCycle(root, {
    list: 'rpm --query --all | sort; dnf repoquery --userinstalled --quiet',
    listed: 'flex-tool-2.6-1.noarch\nhelper-1.0-1.noarch',
    installOther: 'dnf install --assumeyes --quiet other',
    removeOther: 'rpm --erase other',
  })
  expectRefusals(root, RPM_REFUSALS)
})
