#!/bin/sh
# Makes the image $1 with Go, out of the toolchain of this machine and what RUN takes: sh
# and touch, with their libraries. The directory $2 is for what goes into it.
set -e
mkdir -p "$2/tmp"
libraries=$(ldd /bin/sh /bin/touch | grep -o '/[^ ]*\.so[^ ]*' | sort -u)
cp --parents -L /bin/sh /bin/touch $libraries "$2"
container=$(buildah from scratch)
buildah copy -q "$container" "$2" / >/dev/null
buildah copy -q "$container" "$(go env GOROOT)" /usr/local/go >/dev/null
buildah config --env PATH=/usr/local/go/bin:/bin --env HOME=/root --env GOPATH=/go --env GOTOOLCHAIN=local "$container"
buildah commit -q --rm "$container" "$1" >/dev/null
