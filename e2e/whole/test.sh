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

if ! command -v runc >/dev/null; then
  command -v apt-get >/dev/null || skip "needs runc: install it, and run make test-cluster again"
  echo "== installing for the tests of a whole cluster: apt-get install runc"
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends runc >/dev/null; } ||
    skip "needs runc, and apt-get could not install it (see above)"
fi

echo "== building a whole cluster: also the kubelet, the controllers and containerd (about ten minutes the first time, three after make test)"
go run ./whole/build

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go build -o "$dir/machine" ./cluster/machine

echo "== tests of the machine that a whole cluster gets, about ten seconds"
go test -tags=cluster -count=1 -v ./cluster/machine | grep --line-buffered -v '^=== '
echo "== tests on a whole cluster, one to two minutes"
go test -tags=cluster -count=1 -timeout 20m -v -p 1 -exec "$dir/machine" ./whole | grep --line-buffered -v '^=== '
