#!/usr/bin/env bash
# For action.yml: downloads the release VERSION, checks its checksum, and previews FILES. The findings go to a file
# in SARIF, a table to the log, and the exit code of the preview to the output code, for a later step.
set -euo pipefail

fail() {
  echo "::error::caseharden: $*"
  exit 1
}

case $(uname -s) in
Linux) os=linux ;;
Darwin) os=darwin ;;
*) fail "there is no release for $(uname -s): use a runner with Linux or macOS" ;;
esac
case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64 | arm64) arch=arm64 ;;
*) fail "there is no release for $(uname -m)" ;;
esac

download=${CASEHARDEN_DOWNLOAD:-https://github.com/caseharden/caseharden/releases/download/v$VERSION}
archive=caseharden_${VERSION}_${os}_$arch.tar.gz
dir=$(mktemp -d "$RUNNER_TEMP/caseharden.XXXXXX")
cd "$dir"
for file in checksums.txt "$archive"; do
  curl --fail --silent --show-error --location --retry 3 --output "$file" "$download/$file" || fail "cannot download $download/$file"
done
grep -F "  $archive" checksums.txt >this.txt || fail "checksums.txt does not name $archive"
shasum --algorithm 256 --check --quiet this.txt || fail "$archive is not the file that checksums.txt names"
tar -xzf "$archive" caseharden
cd - >/dev/null

arguments=(--profile "$PROFILE")
while read -r line; do [ -z "$line" ] || arguments+=(--filename "$line"); done <<<"$FILES"
while read -r line; do [ -z "$line" ] || arguments+=(--profiles "$line"); done <<<"$PROFILES"
[ -z "$MIN_SEVERITY" ] || arguments+=(--min-severity "$MIN_SEVERITY")

echo "sarif=$dir/caseharden.sarif" >>"$GITHUB_OUTPUT"
"$dir/caseharden" preview "${arguments[@]}" --output sarif >"$dir/caseharden.sarif" || fail "the preview failed, see above"
code=0
"$dir/caseharden" preview "${arguments[@]}" ${FAIL_ON:+--fail-on "$FAIL_ON"} || code=$?
echo "code=$code" >>"$GITHUB_OUTPUT"
