#!/usr/bin/env bash
# Runs the tests of the image, for make test-image: gets the programs that they need, and
# gives them namespaces and a directory of their own, so that no process, no mount and no
# image outlives them, however they end.
set -euo pipefail
cd "$(dirname "$0")/../.."

# skip ends with what is missing and the way out.
skip() {
  echo "== the image: SKIPPED: $1" >&2
  exit 0
}

isolated=(unshare --mount --pid --fork --kill-child --mount-proc)

[ "$(uname)" = Linux ] || skip "its tests need Linux: run make test-image in a virtual machine"
[ "$(id -u)" = 0 ] || skip "its tests need root, to mount and to become another user: run sudo make test-image"
"${isolated[@]}" true || skip "its tests need mounts, which this sandbox refuses: run make test-image in a virtual machine"

missing=()
for program in buildah podman runc; do
  command -v $program >/dev/null || missing+=($program)
done
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || skip "its tests need ${missing[*]}: install them, and run make test-image again"
  echo "== installing for the tests of the image: apt-get install ${missing[*]}"
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${missing[@]}" >/dev/null; } ||
    skip "its tests need ${missing[*]}, and apt-get could not install them: see above"
fi

echo "== tests of the image, about half a minute (minutes the first time, which compiles for two platforms)"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
IMAGE_TEST_DIR=$dir TMPDIR=$dir "${isolated[@]}" go test -tags=image -count=1 -timeout 20m -v ./supplychain/image | grep --line-buffered -v '^=== '
echo "== images that buildah unpacks are read as they are, about half a minute"
TMPDIR=$dir "${isolated[@]}" go -C .. test -tags=image -count=1 -timeout 20m -v -run Unpacked ./evidence/image | grep --line-buffered -v '^=== '
