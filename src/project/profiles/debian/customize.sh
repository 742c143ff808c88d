#!/bin/sh
# Hook of mmdebstrap, run when all packages are installed: $1 is the root of the system that is made.
set -eu
root=$1

in_guest() { chroot "$root" "$@"; }

# GRUB's own modules, and its core for both kinds of firmware, made by the system's own GRUB.
grub="$root/boot/grub"
for platform in i386-pc x86_64-efi; do
  mkdir -p "$grub/$platform"
  cp "$root/usr/lib/grub/$platform/"*.mod "$root/usr/lib/grub/$platform/"*.lst "$grub/$platform/"
done
cp "$root/usr/lib/grub/i386-pc/boot.img" "$grub/i386-pc/"
in_guest grub-mkimage --format=i386-pc --prefix=/boot/grub --config=/boot/grub/early.cfg \
  --output=/boot/grub/i386-pc/core.img \
  biosdisk part_gpt ext2 search search_label normal configfile linux serial terminal test echo
mkdir -p "$root/boot/efi/EFI/BOOT"
in_guest grub-mkimage --format=x86_64-efi --prefix=/boot/grub --config=/boot/grub/early.cfg \
  --output=/boot/efi/EFI/BOOT/BOOTX64.EFI \
  part_gpt fat ext2 search search_label normal configfile linux serial terminal test echo

# Until update-grub has run in the booted system, which alone knows its disks.
version=$(ls "$root/boot" | sed -n 's/^vmlinuz-//p' | sort -V | tail -n 1)
. "$root/etc/default/grub"
cat > "$grub/grub.cfg" <<CONFIG
serial
terminal_input serial console
terminal_output serial console
set timeout=0
menuentry 'Debian' {
  linux /boot/vmlinuz-$version root=LABEL=bringup-root ro $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT
  initrd /boot/initrd.img-$version
}
CONFIG

# What update-grub looks for and no guest of QEMU's has; each costs seconds under emulation.
chmod a-x "$root"/etc/grub.d/05_debian_theme "$root"/etc/grub.d/20_linux_xen "$root"/etc/grub.d/30_*

in_guest systemctl --quiet enable bringup-agent.service systemd-networkd.service serial-getty@ttyS0.service
in_guest systemctl --quiet disable systemd-networkd-wait-online.service
in_guest systemctl --quiet mask getty@tty1.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
  e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-pstore.service systemd-repart.service \
  sys-fs-fuse-connections.mount sys-kernel-config.mount modprobe@drm.service systemd-network-generator.service
in_guest passwd --quiet --delete root
# Empty: every guest gets an identity of its own, and yet is not taken for one that has never been set up.
: > "$root/etc/machine-id"
# Every guest's first boot is the image's first boot: what systemd does after an update of /usr is done already.
in_guest systemd-sysusers
in_guest journalctl --update-catalog
touch "$root/etc/.updated" "$root/var/.updated"
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*
mv "$root/usr/lib/bringup/debian.sources" "$root/etc/apt/sources.list.d/"
