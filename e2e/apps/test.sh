#!/usr/bin/env bash
# Runs all applications on whole clusters, for make test-apps, and writes what it finds:
# e2e/apps/catalogue/truth.json, docs/evidence.json and docs/evidence.md.
set -euo pipefail

# cannot ends with what is missing and the way out.
cannot() {
  echo "make test-apps: $1" >&2
  exit 1
}
. "$(dirname "$0")/../node/prepare.sh"
. ./apps/prepare.sh

for program in measure score enforce; do
  go build -buildvcs=false -o "$dir/$program" "./apps/$program"
done
echo "== what each application needs to serve: about a thousand runs, a quarter of an hour or more; a second time only what has changed"
"$dir/sandbox" "$dir/measure"
echo "== what the preview says of them"
"$dir/score" -record
"$dir/score" -profile "$dir/profile.yaml"
echo "== how many serve under the profile that it writes"
"$dir/sandbox" "$dir/enforce" "$dir/profile.yaml"
go test -count=1 ./apps/judge -run IsCurrent -update
