#!/usr/bin/env bash
# Brings the system packages that the tests drive for real: a broker, a database server, a browser,
# and what makes file systems and partitions.
# Says plainly what it could not have; the tests that need it then fail with the same remedy.
set -u
wanted=()
need() { command -v "$1" >/dev/null 2>&1 || [ -x "$1" ] || wanted+=("$2"); }
PATH="$PATH:/usr/sbin:/usr/local/sbin"
need mosquitto mosquitto
need chromium chromium
need openssl openssl
need curl curl
need softhsm2-util softhsm2
need mkfs.vfat dosfstools
need mcopy mtools
need sfdisk fdisk
need cpio cpio
need espeak-ng espeak-ng
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || wanted+=(postgresql)
[ ${#wanted[@]} -eq 0 ] && exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo=(sudo -n)
    else
        echo "system packages missing and neither root nor password-less sudo: ${wanted[*]}" >&2
        echo "remedy: sudo apt-get install -y ${wanted[*]}" >&2
        exit 0
    fi
fi
echo "installing system packages: ${wanted[*]}" >&2
"${sudo[@]}" apt-get update -qq >/dev/null 2>&1
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/tmp/parcelworks-apt.log 2>&1 || {
    echo "apt-get could not install: ${wanted[*]} (see /tmp/parcelworks-apt.log)" >&2
}
exit 0
