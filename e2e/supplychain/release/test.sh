#!/usr/bin/env bash
# The dry run of a release, for make release DRY_RUN=1: gets the programs that it needs, and gives it namespaces and a
# directory of its own. Where it cannot run, it fails.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
  echo "make release: $1" >&2
  exit 1
}

[ "$(uname)" = Linux ] || fail "the dry run needs Linux"
[ "$(id -u)" = 0 ] || fail "the dry run needs root, to build the image: run sudo make release DRY_RUN=1"
missing=()
for program in buildah gpg jq curl; do
  command -v $program >/dev/null || missing+=($program)
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "== installing for the dry run: apt-get install ${missing[*]}"
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${missing[@]/gpg/gnupg}" >/dev/null; } ||
    fail "the dry run needs ${missing[*]}, and apt-get could not install them"
fi
echo "== building cosign, Helm and a registry (five to ten minutes the first time)"
go run ./testbed/tools/build cosign helm registry >/dev/null
echo "== the dry run of a release, two minutes (more the first time, which compiles for four platforms)"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
IMAGE_TEST_DIR=$dir TMPDIR=$dir unshare --mount --pid --fork --kill-child --mount-proc \
  go test -tags=image -count=1 -timeout 30m -v ./supplychain/release | grep --line-buffered -v '^=== '
