#!/usr/bin/env bash
# Brings the system packages that rigs and images are built with. usage: rig-packages.sh uml|image|qemu …
# What cannot be had is named, and the build that needs it then fails with the same remedy.
set -u
PATH="$PATH:/usr/sbin:/sbin"
wanted=()
need() { command -v "$1" >/dev/null 2>&1 || [ -e "$1" ] || wanted+=("$2"); }
root_folder() {
    need mmdebstrap mmdebstrap
    need tar tar
    need mkfs.ext4 e2fsprogs
}
for part in "$@"; do
    case $part in
    uml)
        root_folder
        for tool in gcc make flex bison bc; do need $tool $tool; done
        need /usr/include/gelf.h libelf-dev
        need xz xz-utils
        need ip iproute2
        need /usr/src/linux-source-6.1.tar.xz linux-source-6.1
        ;;
    image)
        root_folder
        need qemu-aarch64-static qemu-user-static
        need arch-test arch-test
        need mkfs.vfat dosfstools
        need mcopy mtools
        need sfdisk fdisk
        need depmod kmod
        ;;
    qemu) need qemu-system-aarch64 qemu-system-arm ;;
    *) echo "usage: rig-packages.sh uml|image|qemu …" >&2; exit 2 ;;
    esac
done
[ ${#wanted[@]} -eq 0 ] && exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo=(sudo -n)
    else
        echo "not installed: ${wanted[*]}, and neither root nor password-less sudo" >&2
        echo "remedy: sudo apt-get install -y --no-install-recommends ${wanted[*]}" >&2
        exit 1
    fi
fi
echo "installing system packages: ${wanted[*]}" >&2
log=$(mktemp)
"${sudo[@]}" apt-get update -qq >/dev/null 2>&1
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >"$log" 2>&1 || {
    echo "apt-get could not install: ${wanted[*]} (see $log)" >&2
    exit 1
}
rm -f "$log"
