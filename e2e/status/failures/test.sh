#!/usr/bin/env bash
# Runs the tests of the command status on a whole cluster, for make test-status.
set -euo pipefail

# cannot ends and says what is missing.
cannot() {
  echo "--- SKIP: tests of status: $1"
  exit 0
}
. "$(dirname "$0")/../../node/prepare.sh"
. ./status/failures/images.sh
echo "== status of containers that fail, on a whole cluster, with caseharden installed in it"
go test -tags=cluster -count=1 -timeout 20m -v -parallel 24 -exec "$dir/sandbox" ./status/failures | grep --line-buffered -v '^=== '
