/** `bringup setup` with the real pacman and a small repository, in a root file system that is discarded. */
import { expect, test } from 'vitest'
import { expectCycle, expectRefusals } from './cycle.ts'
import { setupRoot } from './setup-root.ts'

/** Packages by hand, as makepkg(8) would make them, and a repository of them. */
const REPOSITORY = `
touch /etc/mtab; ln -sf /proc/self/mounts /etc/mtab
mkdir -p /srv/own /tmp/p; cd /tmp/p
package() { name=$1; version=$2; shift 2
  rm -rf "$name"; mkdir -p "$name/usr/bin" "$name/etc"; printf '#!/bin/sh\necho %s\n' "$version" > "$name/usr/bin/$name"; chmod 755 "$name/usr/bin/$name"
  echo "made for $name" > "$name/etc/$name.conf"
  { printf 'pkgname = %s\npkgbase = %s\npkgver = %s\npkgdesc = a test\nbuilddate = 1700000000\npackager = nobody\nsize = 4096\narch = any\n' "$name" "$name" "$version"
    for line; do echo "$line"; done; } > "$name/.PKGINFO"
  (cd "$name" && tar --zstd -cf "/srv/own/$name-$version-any.pkg.tar.zst" .PKGINFO usr etc); }
package base-library 1.0-1
package helper 1.0-1
package flex-tool 2.6-1 'depend = helper' 'depend = base-library'
package unmet 1.0-1 'depend = not-there'
package rival 1.0-1 'conflict = base-library'
package rival-of-new 1.0-1 'conflict = base-library>=1.0'
package rival-of-old 1.0-1 'conflict = base-library<1.0'
package other 1.0-1 'depend = helper'
cd /srv/own; repo-add own.db.tar.gz ./*.pkg.tar.zst
printf '[options]\nArchitecture = auto\nSigLevel = Never\n[own]\nServer = file:///srv/own\n' > /etc/pacman.conf
pacman --sync --refresh --noconfirm base-library`

test('pacman: what comes is foreseen, comes, and goes again; others are left alone', () => {
  using root = setupRoot({
    id: 'arch',
    packages: ['pacman-package-manager', 'makepkg', 'libarchive-tools', 'zstd'],
    prepare: REPOSITORY,
  })
  expectCycle(root, {
    list: 'pacman --query',
    listed: 'flex-tool 2.6-1\nhelper 1.0-1',
    installOther: 'pacman --sync --noconfirm other',
    removeOther: 'pacman --remove --noconfirm other',
  })
  expectRefusals(root, {
    'flexx-tool': 'PACKAGE_UNKNOWN',
    unmet: 'PACKAGES_UNMET',
    rival: 'PACKAGES_WOULD_GO',
    'rival-of-new': 'PACKAGES_WOULD_GO',
  })
  // It does not go together with an older version than the one that is here.
  const friend = root.bringup(['rival-of-old'], 'setup', 'build', '--yes')
  expect(friend.status, friend.stderr).toBe(0)
})
