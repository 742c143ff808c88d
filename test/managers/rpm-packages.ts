/** Small packages made by rpmbuild(8), and a repository of them at /srv/own: for a root with rpm and createrepo_c. */
export const RPM_REPOSITORY = String.raw`
# Debian's rpm keeps its database in the home folder.
mkdir -p /etc/rpm /srv/own /tmp/r; echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros; cd /tmp/r
package() { name=$1; version=$2; shift 2
  { printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: a test\nLicense: none\nBuildArch: noarch\n' "$name" "$version"
    for line; do echo "$line"; done
    printf '%%description\na test\n%%install\nmkdir -p %%{buildroot}/usr/bin %%{buildroot}/etc\necho %s > %%{buildroot}/usr/bin/%s\necho %s > %%{buildroot}/etc/%s.conf\n%%files\n/usr/bin/%s\n%%config /etc/%s.conf\n' "$version" "$name" "$name" "$name" "$name" "$name"; } > "$name.spec"
  rpmbuild -bb --quiet --define "_topdir /tmp/r" --define "_rpmdir /srv/own" "$name.spec"; }
package base-library 1.0
package helper 1.0
package flex-tool 2.6 'Requires: helper' 'Requires: base-library'
package unmet 1.0 'Requires: not-there'
package successor 1.0 'Obsoletes: base-library < 9'
package other 1.0 'Requires: helper'
createrepo_c --quiet /srv/own
# Not by a manager, which would take its successor.
rpm --install /srv/own/noarch/base-library-1.0-1.noarch.rpm`

export const RPM_REFUSALS = {
  'flexx-tool': 'PACKAGE_UNKNOWN',
  unmet: 'PACKAGES_UNMET',
  successor: 'PACKAGES_WOULD_GO',
}
