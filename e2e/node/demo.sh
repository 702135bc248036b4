#!/usr/bin/env bash
# Runs a whole cluster to play with, for make demo-cluster.
set -euo pipefail

# cannot ends with what is missing and the way out.
cannot() {
  echo "make demo-cluster: $1" >&2
  exit 1
}
. "$(dirname "$0")/prepare.sh"

go build -buildvcs=false -o "$dir/demo" ./demo/node
"$dir/sandbox" "$dir/demo"
