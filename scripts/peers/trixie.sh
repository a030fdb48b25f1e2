#!/usr/bin/env bash
# Builds a Debian 13 (trixie) tree that holds newer peers than Debian 12 has: OpenSSH 10.0 (whose default key exchange is
# mlkem768x25519-sha256), Dropbear 2025, PuTTY 0.83, paramiko, asyncssh and ssh-audit. Prints its path on stdout.
#
#   scripts/peers/trixie.sh            build it unless it is there already
#   scripts/peers/trixie.sh --force    build it anew
#   scripts/peers/trixie.sh --path     only print where it is, or would be
#
# Needs root (chroot) and debootstrap. The packages come from the mirror that this machine's apt is configured with.
set -euo pipefail

# Raise the number when the list of packages or the steps below change: trees with another version are built anew.
version=amiko-trixie-1
suite=trixie
packages=openssh-server,openssh-client,openssh-sftp-server,dropbear-bin,putty-tools,ssh-audit,python3-paramiko,python3-asyncssh
# debootstrap does not follow virtual packages: this one provides what python3-cryptography asks for by a virtual name.
packages=$packages,python3-cffi-backend

cache=${AMIKO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/amiko}
root=$cache/trixie
marker=.amiko-peer

say() { printf 'trixie: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

force=no
case ${1:-} in
  '') ;;
  --force) force=yes ;;
  --path) printf '%s\n' "$root"; exit 0 ;;
  *) die "unknown argument: $1" ;;
esac

current() { [ "$(cat "$root/$marker" 2>/dev/null)" = "$version" ]; }
if [ "$force" = no ] && current; then
  printf '%s\n' "$root"
  exit 0
fi

[ "$(id -u)" = 0 ] || die 'needs root, for chroot'
command -v debootstrap >/dev/null || die 'needs debootstrap: apt-get install -y --no-install-recommends debootstrap'

mkdir -p "$cache"
# Two runs at once: the second waits here, then finds the tree of the first.
exec 9>"$cache/.trixie.lock"
flock 9
if [ "$force" = no ] && current; then
  printf '%s\n' "$root"
  exit 0
fi

# The mirror that carries this machine's own release carries its neighbours too; security and third-party sources do not.
codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' |
  awk -v release="$codename" '$2 == release && $3 == "main" { print $1; exit }')
[ -n "$mirror" ] || die "found no mirror of '$codename main' among the sources of apt"

# debootstrap downloads with wget, which knows the proxy of the environment but not the one of apt.
proxy=
eval "$(apt-config shell proxy Acquire::http::Proxy)"
if [ -n "$proxy" ] && [ "$proxy" != DIRECT ]; then export http_proxy=$proxy; fi

# The tree is built under another name and renamed when complete, so a run that is cut short leaves no half-built tree.
building=$(mktemp -d "$cache/trixie.building.XXXXXX")
chmod 755 "$building"
discard() {
  umount -l "$building/proc" "$building/sys" "$building/dev/pts" "$building/dev" 2>/dev/null || true
  rm -rf --one-file-system "$building"
}
trap discard EXIT
# Without a handler these would end the script before the EXIT trap of some shells.
trap 'exit 130' INT
trap 'exit 143' TERM

say "debootstrap $suite into $root"
if ! debootstrap --variant=minbase --include="$packages" "$suite" "$building" "$mirror" >"$cache/trixie.log" 2>&1 </dev/null; then
  tail -n 30 "$cache/trixie.log" "$building/debootstrap/debootstrap.log" >&2 2>/dev/null || true
  die 'debootstrap failed'
fi

# What sshd needs at run time and a booted system would have made.
mkdir -p -m 755 "$building/run/sshd"
chroot "$building" getent passwd sshd >/dev/null || chroot "$building" useradd --system --home-dir /run/sshd --shell /usr/sbin/nologin sshd
for node in null:3 zero:5 full:7 random:8 urandom:9; do
  [ -e "$building/dev/${node%:*}" ] || mknod -m 666 "$building/dev/${node%:*}" c 1 "${node#*:}"
done
# Host keys that every tree would share are of no use: each test makes its own.
rm -f "$building"/etc/ssh/ssh_host_*_key*
chroot "$building" apt-get clean
rm -rf "$building"/var/lib/apt/lists/*

chroot "$building" ssh -V >/dev/null 2>&1 || die 'the ssh of the new tree does not run'
printf '%s\n' "$version" >"$building/$marker"

if [ -e "$root" ]; then
  mv -T "$root" "$building.old"
  mv -T "$building" "$root"
  rm -rf --one-file-system "$building.old"
else
  mv -T "$building" "$root"
fi
say "done: $(chroot "$root" ssh -V 2>&1)"
printf '%s\n' "$root"
