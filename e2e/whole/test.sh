#!/usr/bin/env bash
# Runs the tests that need a whole cluster, for make test-cluster: gets runc, compiles the
# rest, and runs each package in a machine of its own, of which nothing is left.
set -euo pipefail
cd "$(dirname "$0")/.."

# skip ends with what is missing and the way out.
skip() {
  echo "--- SKIP: cluster tests: $1"
  exit 0
}

[ "$(uname)" = Linux ] || skip "needs Linux: run make test-cluster in a virtual machine"
[ "$(id -u)" = 0 ] || skip "needs root, to make namespaces and cgroups: run sudo make test-cluster"
unshare --mount --pid --net --ipc --uts --cgroup --fork true ||
  skip "needs namespaces, which this sandbox refuses: run make test-cluster in a virtual machine"
grep -Eq ' cgroup2? rw' /proc/mounts ||
  skip "needs cgroups, which are read-only here: run make test-cluster in a virtual machine"

missing=()
for program in runc buildah; do
  command -v $program >/dev/null || missing+=($program)
done
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || skip "needs ${missing[*]}: install them, and run make test-cluster again"
  echo "== installing for the tests of a whole cluster: apt-get install ${missing[*]}"
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${missing[@]}" >/dev/null; } ||
    skip "needs ${missing[*]}, and apt-get could not install them (see above)"
fi

echo "== building a whole cluster: also the kubelet, the controllers and containerd (about ten minutes the first time, three after make test)"
go run ./whole/build

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go build -o "$dir/machine" ./cluster/machine

echo "== tests of the machine that a whole cluster gets, about ten seconds"
go test -tags=cluster -count=1 -v ./cluster/machine | grep --line-buffered -v '^=== '
echo "== building the image of caseharden, some ten seconds (a minute the first time)"
mkdir "$dir/image"
TMPDIR=$dir/image unshare --mount --pid --fork --kill-child --mount-proc \
  go run ./image/archive "$dir/image" "$dir/caseharden.tar" images.test/caseharden:installed
rm -rf "$dir/image"
export CASEHARDEN_IMAGE=$dir/caseharden.tar

echo "== tests on a whole cluster, and with caseharden installed in it, some minutes"
go test -tags=cluster -count=1 -timeout 30m -v -p 1 -exec "$dir/machine" ./whole ./installed | grep --line-buffered -v '^=== '
