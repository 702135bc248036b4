#!/usr/bin/env bash
# Runs the tests that need a whole cluster, for make test-cluster: each package in a sandbox
# of its own, of which nothing is left.
set -euo pipefail

# cannot ends and says what is missing.
cannot() {
  echo "--- SKIP: cluster tests: $1"
  exit 0
}
. "$(dirname "$0")/prepare.sh"

echo "== tests of the sandbox that a whole cluster gets, about ten seconds"
go test -tags=cluster -count=1 -v ./testbed/sandbox | grep --line-buffered -v '^=== '
if [ -z "${TRIALS:-}" ]; then
echo "== tests on a whole cluster, and with caseharden installed in it, some minutes"
go test -tags=cluster -count=1 -timeout 30m -v -p 1 -exec "$dir/sandbox" ./testbed/cluster ./node | grep --line-buffered -v '^=== '
fi

# make test-trial runs all of them, which takes half an hour.
trials() { # trials, flags
  go test -tags=cluster -count=1 -timeout 60m -v -exec "$dir/sandbox" -run "$1" "${@:2}" ./trial | grep --line-buffered -v '^=== '
}
needImages='TestApplications|TestClientSeesACopy'
echo "== trials on a whole cluster"
trials "${TRIALS:-TestVerdicts/(tmp|own-user)$|TestCannotTell/no-image|TestCtrlC/search|TestPermissions|TestNobodyTakesACopyForItsOwn|TestNamespaceThatEnforces|TestAutoscalerOfACustomResource|TestOnATerminal}" -skip "$needImages"

# A few of the applications of make test-apps; all of them for make test-trial.
[ -n "${TRIALS:-}" ] || applications="caddy lighttpd nginx redis uwsgi"
. ./apps/prepare.sh
echo "== trials of real applications, and what clients see meanwhile"
if [ -n "${TRIALS:-}" ]; then
  trials "$needImages" -parallel 4
  exit 0
fi
trials "TestApplications/(tried|serves)/^(lighttpd|nginx|redis)$|TestClientSeesACopy" -parallel 3
echo "== whether what is known of real applications holds, about a minute"
go test -tags=cluster -count=1 -timeout 10m -v -exec "$dir/sandbox" -run TestTruthHolds ./apps/measure | grep --line-buffered -v '^=== '

# make test-status runs all of them, which takes some minutes.
. ./status/failures/images.sh
echo "== what the command status says of containers that fail, on a whole cluster"
go test -tags=cluster -count=1 -timeout 10m -v -parallel 24 -exec "$dir/sandbox" -run 'TestSuspects/(image-of-root|file-capability|program-of-another|writes-its-own|exit-159)$|TestRanBefore|TestWrites' ./status/failures | grep --line-buffered -v '^=== '
