/** `bringup setup` with the real pacman and a small repository, in a root file system that is thrown away. */
import { expect, test } from 'vitest'
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
package rival 1.0-1 'conflict = base-library'
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
  const snapshot = () =>
    root.sh('pacman --query; cd /etc && find . -type f ! -name "ld.so.cache" | sort | xargs sha256sum')
  const before = snapshot()
  expect(before).toContain('base-library 1.0-1')

  const wanted = ['flex-tool']
  const first = root.bringup(wanted, 'setup', 'build', '--yes')
  expect(first.status, first.stderr).toBe(0)
  expect(first.stderr).toContain('1 packages and 1 that they need')
  expect(snapshot()).toContain('flex-tool 2.6-1\nhelper 1.0-1')
  expect(JSON.parse(root.bringup(wanted, 'setup', 'build', '--json').stdout)).toMatchObject({
    state: 'nothing-to-do',
  })

  root.sh('pacman --sync --noconfirm other')
  expect(root.codes(root.bringup(wanted, 'undo', '--yes', '--json'))).toEqual(['PACKAGES_NEEDED_BY_OTHERS'])
  root.sh('pacman --remove --noconfirm other')
  const undone = root.bringup(wanted, 'undo', '--yes')
  expect(undone.status, undone.stderr).toBe(0)
  expect(snapshot()).toBe(before)

  expect(root.codes(root.bringup(['flexx-tool'], 'setup', 'build', '--yes', '--json'))).toEqual([
    'PACKAGE_UNKNOWN',
  ])
  expect(root.codes(root.bringup(['rival'], 'setup', 'build', '--yes', '--json'))).toEqual([
    'PACKAGES_WOULD_GO',
  ])
  expect(snapshot()).toBe(before)
}, 400_000)
