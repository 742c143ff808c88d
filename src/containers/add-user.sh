#!/bin/sh
# Runs inside the image while it is built: NAME UID GID become a user, whatever the base image has at these already.
set -eu
name=$1 uid=$2 gid=$3
getent group "$gid" >/dev/null || groupadd --gid "$gid" "$name" 2>/dev/null || groupadd --gid "$gid" "group$gid"
old=$(getent passwd "$uid" | cut -d: -f1)
if [ -n "$old" ]; then
  [ "$old" = "$name" ] || usermod --login "$name" "$old"
  usermod --gid "$gid" --home "/home/$name" --shell /bin/bash "$name"
else
  useradd --uid "$uid" --gid "$gid" --home-dir "/home/$name" --no-create-home --shell /bin/bash "$name"
fi
mkdir -p "/home/$name"
chown "$uid:$gid" "/home/$name"
