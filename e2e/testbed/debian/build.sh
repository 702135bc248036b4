#!/bin/sh
# Makes the file systems of images. In namespaces of their own, which are gone with it:
#
#   build.sh base DIR SUITE      installs the smallest Debian in DIR
#   build.sh image DIR CACHE     installs $PACKAGES on CACHE/base, by an overlay in DIR, whose
#                                upper directory is what the image adds; runs DIR/setup there
set -eu

base() {
  mmdebstrap --quiet --variant=minbase --format=directory \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    "$2" "$1"
  # Nothing of this machine, and no daemon is started by the installation of its package.
  : > "$1/etc/resolv.conf"
  echo localhost > "$1/etc/hostname"
  printf '#!/bin/sh\nexit 101\n' > "$1/usr/sbin/policy-rc.d"
  chmod 755 "$1/usr/sbin/policy-rc.d"
  mkdir -p "$1/usr/share/man/man1" # which the package of Java needs
  rm -rf "$1"/dev/* "$1"/var/log/*.log "$1"/var/log/apt "$1"/var/cache/apt/*.bin
}

image() {
  dir=$1 cache=$2 root=$1/root
  mkdir -p "$dir/upper" "$dir/work" "$root" "$cache/lists" "$cache/archives"
  mount -t overlay overlay -o "lowerdir=$cache/base,upperdir=$dir/upper,workdir=$dir/work,redirect_dir=off,metacopy=off,index=off" "$root"
  mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
  mount --bind "$cache/lists" "$root/var/lib/apt/lists"
  mount --bind "$cache/archives" "$root/var/cache/apt"
  mount -t proc proc "$root/proc"
  mount -t tmpfs -o mode=755 tmpfs "$root/dev"
  for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  mkdir "$root/dev/shm"
  chmod 1777 "$root/dev/shm"
  ln -s /proc/self/fd "$root/dev/fd"

  export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  # Lists of an hour ago may name packages that the mirror has replaced.
  if [ -z "$(find "$cache/lists" -name '*Packages*' -mmin -60 2>/dev/null)" ]; then
    mkdir -p "$root/var/lib/apt/lists/partial"
    chroot "$root" apt-get -qq update
    touch "$cache"/lists/*Packages*
  fi
  mkdir -p "$root/var/cache/apt/archives/partial"
  # shellcheck disable=SC2086 # names of packages
  chroot "$root" apt-get -qq install -y --no-install-recommends -o Binary::apt-get::APT::Keep-Downloaded-Packages=true -o APT::Sandbox::User=root $PACKAGES
  # Files of root's that the recipe has, with their modes.
  cp -a "$dir/files/." "$root/"
  cp "$dir/setup" "$root/setup"
  chroot "$root" sh -eu /setup
  rm "$root/setup"
  # shellcheck disable=SC2086
  chroot "$root" dpkg-query -W -f '${Package} ${Version}\n' $PACKAGES > "$dir/packages"
  cp "$root/etc/passwd" "$dir/passwd"
  if [ -n "$ONLY" ]; then
    # shellcheck disable=SC2016 # for the shell in there
    ONLY=$ONLY chroot "$root" sh -euc '
      mkdir /only
      for path in $ONLY; do
        cp -a --parents "$path" /only
        ldd "$path" 2>/dev/null | grep -o "/[^ ]*" | while read -r library; do
          cp -L --parents "$library" /only
        done || true
      done'
  fi
  rm -rf "$root/var/log/apt" "$root/var/log/dpkg.log" "$root/var/log/alternatives.log"
}

"$@"
