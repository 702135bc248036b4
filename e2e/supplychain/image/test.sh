#!/usr/bin/env bash
# Runs the tests of the image, for make test-image: gets the programs that they need, and
# gives them namespaces and a directory of their own, so that no process, no mount and no
# image outlives them, however they end.
set -euo pipefail
cd "$(dirname "$0")/../.."

# cannot ends and says what is missing.
cannot() {
  echo "== the image: SKIPPED: $1" >&2
  exit 0
}

isolated=(unshare --mount --pid --fork --kill-child --mount-proc)

[ "$(uname)" = Linux ] || cannot "needs Linux: run make test-image in a virtual machine"
[ "$(id -u)" = 0 ] || cannot "needs root, to mount and to become another user: run sudo make test-image"
"${isolated[@]}" true || cannot "needs mounts, which this sandbox refuses: run make test-image in a virtual machine"

. ./testbed/programs.sh
need "the tests of the image" buildah podman runc

echo "== tests of the image, about half a minute (minutes the first time, which compiles for two platforms)"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
IMAGE_TEST_DIR=$dir TMPDIR=$dir "${isolated[@]}" go test -tags=image -count=1 -timeout 20m -v ./supplychain/image | grep --line-buffered -v '^=== '
echo "== images that buildah unpacks are read as they are, about half a minute"
TMPDIR=$dir "${isolated[@]}" go -C .. test -tags=image -count=1 -timeout 20m -v -run Unpacked ./evidence/image | grep --line-buffered -v '^=== '
