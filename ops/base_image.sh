#!/bin/sh
# A base for the images from Debian's own packages, as a tar file on stdout: `ops/base_image.sh [arm64]`.
# As root. Another architecture than this machine's needs qemu-user-static, known to the kernel.
set -eu
architecture=${1:-$(dpkg --print-architecture)}
# A proxy's certificates of this machine come along, for pip in the build.
certificates=/usr/local/share/ca-certificates
mkdir -p "$certificates"
# Wheels want libstdc++6, which every base with apt has. usr-is-merged and its hook, else
# the program that merges /usr would bring all of Perl.
exec mmdebstrap --quiet --variant=essential --architectures="$architecture" \
  --include=usr-is-merged,python3-venv,ca-certificates,libstdc++6 \
  --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --customize-hook="sync-in $certificates $certificates" \
  --customize-hook='chroot "$1" update-ca-certificates' \
  bookworm -
