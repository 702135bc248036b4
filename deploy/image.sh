#!/usr/bin/env bash
# Builds the image; for make image, which sets the variables. Two builds of the same
# source give the same image: its dates are those of the source.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "make image: $*" >&2
  exit 1
}

# Most often that the image with Go cannot be pulled, or a module not downloaded.
failed() {
  fail "$tool could not build $IMAGE, see above; GO_IMAGE=… names another image with Go, and GOPROXY=… another" \
    "source of modules, where Docker Hub or proxy.golang.org cannot be reached"
}

# built says what there is now. Of an image of several platforms, the tools tell the
# size of their own.
built() {
  local size
  if [ "$tool" = buildah ]; then
    size="$(buildah images --format '{{.Size}}' "$IMAGE") on linux/$arch"
  else
    size=$("$tool" image inspect --format '{{.Size}} {{.Os}}/{{.Architecture}}' "$IMAGE" | awk '{printf "%.1f MB on %s", $1 / 1e6, $2}')
  fi
  echo "== built $IMAGE with $tool, version $VERSION, revision ${REVISION:-unknown}: $size"
}

# check fails, and says why, if a tool cannot build the image here.
check() {
  case $1 in
  docker | podman | buildah) ;;
  *) echo "must be docker, podman or buildah" && return 1 ;;
  esac
  if ! command -v "$1"; then echo "not installed" && return 1; fi
  "$1" info || return 1 # docker may be a client without a daemon
  if [ "$1" = docker ]; then docker buildx version || return 1; fi
}

tool=
reasons=
for candidate in ${IMAGE_TOOL:-docker podman buildah}; do
  if said=$(check "$candidate" 2>&1); then
    tool=$candidate
    break
  fi
  reasons+=$'\n'"  $candidate: ${said##*$'\n'}"
done
[ -n "$tool" ] || fail "needs docker with buildx, podman or buildah, and none is at work here:$reasons"

args=(
  --file Dockerfile
  --build-arg "VERSION=$VERSION"
  --build-arg "REVISION=$REVISION"
  --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH"
  --build-arg "GOPROXY=$GOPROXY"
  ${GO_IMAGE:+--build-arg "GO_IMAGE=$GO_IMAGE"}
)
read -ra flags <<<"$IMAGE_FLAGS"

echo "== building $IMAGE with $tool${PLATFORMS:+ for $PLATFORMS}"
if [ "$tool" = docker ]; then
  if [[ $PLATFORMS == *,* && $(docker info --format '{{.DriverStatus}}') != *io.containerd.snapshotter* ]]; then
    fail "PLATFORMS=$PLATFORMS: docker holds an image of several platforms in its containerd image store alone:" \
      "turn that on (https://docs.docker.com/engine/storage/containerd/), or take IMAGE_TOOL=podman"
  fi
  # An attestation of provenance would hold the time of the build.
  docker buildx build "${args[@]}" ${PLATFORMS:+--platform "$PLATFORMS"} --provenance=false --load --tag "$IMAGE" \
    ${flags[@]+"${flags[@]}"} . || failed
  built
  exit
fi

name=(--tag "$IMAGE")
if [[ $PLATFORMS == *,* ]]; then name=(--manifest "$IMAGE"); fi
# An image of one platform and a list of several cannot have the name of the other, and
# a list that is there would keep its images and get these on top.
"$tool" manifest rm "$IMAGE" >/dev/null 2>&1 || [ "${name[0]}" = --tag ] || "$tool" rmi "$IMAGE" >/dev/null 2>&1 || true

arch=$("$tool" info | sed -nE 's/^ *"?arch"?: "?([a-z0-9]+).*/\1/p')
# Older versions do not know BUILDPLATFORM by themselves, and would look for the Go image
# of each platform. Newer ones refuse --timestamp while SOURCE_DATE_EPOCH is set. With
# layers, the history would name what the cache happens to hold.
env -u SOURCE_DATE_EPOCH "$tool" build "${args[@]}" --build-arg "BUILDPLATFORM=linux/$arch" \
  --platform "${PLATFORMS:-linux/$arch}" --layers=false --timestamp "$SOURCE_DATE_EPOCH" --identity-label=false \
  "${name[@]}" ${flags[@]+"${flags[@]}"} . || failed
built
