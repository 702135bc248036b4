#!/usr/bin/env bash
# Makes a release of what is checked out, for make release: archives with the binary, lists of components, the image, the
# chart, a krew manifest, checksums and signatures. It pushes image and chart to REGISTRY, and leaves the files in OUT.
# The workflow and the dry run differ in variables alone:
#
#   VERSION         the version, without v
#   REGISTRY        where to push, such as ghcr.io/caseharden; docker login has been run for it
#   OUT             directory for the files
#   SOURCE          address of the repository
#   COSIGN, HELM    the programs; built from e2e/testbed/tools if empty
#   SIGN_FLAGS      flags of cosign; empty signs with the identity of the workflow
#   CHART_KEY       name of an OpenPGP key; empty makes no .prov file beside the chart
#   CHART_KEYRING   file with the secret key
#   IMAGE_GOPROXY   GOPROXY of the image's build, if it is another
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "make release: $*" >&2
  exit 1
}
say() { echo "== $*"; }

: "${VERSION:?}" "${REGISTRY:?}" "${OUT:?}" "${SOURCE:?}"
COSIGN=${COSIGN:-$(go -C e2e run ./testbed/tools/build cosign)}
HELM=${HELM:-$(go -C e2e run ./testbed/tools/build helm)}
read -ra sign <<<"${SIGN_FLAGS:-}"
platforms=(linux/amd64 linux/arm64 darwin/amd64 darwin/arm64)
image=$REGISTRY/caseharden
REVISION=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export VERSION SOURCE_DATE_EPOCH
export REGISTRY_AUTH_FILE=${REGISTRY_AUTH_FILE:-${DOCKER_CONFIG:-$HOME/.docker}/config.json} # buildah's

for field in version appVersion; do
  grep -qx "$field: $VERSION" deploy/chart/Chart.yaml || fail "deploy/chart/Chart.yaml: $field must be $VERSION"
done
if [ -z "${DRY_RUN:-}" ]; then
  [ -z "$(git status --porcelain)" ] || fail "the checkout has changes: commit them first"
  grep -q "^## $VERSION\b" CHANGELOG.md || fail "CHANGELOG.md: must have a section ## $VERSION"
fi
mkdir -p "$OUT"
[ -z "$(ls -A "$OUT")" ] || fail "OUT=$OUT: must be empty"
OUT=$(realpath "$OUT")
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

# archive makes a tar file that has the same bytes each time.
archive() {
  (cd "$2" && tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw -c -- *) | gzip -n >"$1"
}

# attest signs two statements about an image or a chart: how it was made, and if there is a list, of what.
attest() {
  "$COSIGN" attest --yes ${sign[@]+"${sign[@]}"} --type slsaprovenance1 --predicate "$temp/provenance.json" "$1"
  [ -z "${2:-}" ] || "$COSIGN" attest --yes ${sign[@]+"${sign[@]}"} --type cyclonedx --predicate "$2" "$1"
}

say "provenance, in the form of SLSA 1.0"
jq -n --arg source "$SOURCE" --arg ref "${GITHUB_REF:-refs/tags/v$VERSION}" --arg revision "$REVISION" \
  --arg builder "${GITHUB_WORKFLOW_REF:+https://github.com/$GITHUB_WORKFLOW_REF}" \
  --arg run "${GITHUB_RUN_ID:+$SOURCE/actions/runs/$GITHUB_RUN_ID/attempts/$GITHUB_RUN_ATTEMPT}" '{
    buildDefinition: {
      buildType: "https://actions.github.io/buildtypes/workflow/v1",
      externalParameters: {workflow: {ref: $ref, repository: $source, path: ".github/workflows/release.yml"}},
      resolvedDependencies: [{uri: "git+\($source)@\($ref)", digest: {gitCommit: $revision}}]
    },
    runDetails: {
      builder: {id: (if $builder == "" then "urn:caseharden.io:dry-run" else $builder end)},
      metadata: (if $run == "" then {} else {invocationId: $run} end)
    }
  }' >"$temp/provenance.json"

say "completion and manual pages"
mkdir -p "$temp/common/completions" "$temp/common/man"
go run ./internal/man "$temp/common/man"
for shell in bash zsh fish; do go run . completion $shell >"$temp/common/completions/caseharden.$shell"; done
cp LICENSE THIRD_PARTY_LICENSES "$temp/common"

for platform in "${platforms[@]}"; do
  name=caseharden_${VERSION}_${platform/\//_}
  say "$name"
  cp -r "$temp/common" "$temp/$name"
  GOOS=${platform%/*} GOARCH=${platform#*/} make --no-print-directory sbom \
    BINARY="$temp/$name/caseharden" SBOM="$OUT/$name.cdx.json" VERSION="$VERSION" REVISION="$REVISION"
  archive "$OUT/$name.tar.gz" "$temp/$name"
done

make --no-print-directory image ${IMAGE_GOPROXY:+GOPROXY="$IMAGE_GOPROXY"} IMAGE="$image:$VERSION" IMAGE_TOOL=buildah PLATFORMS=linux/amd64,linux/arm64 VERSION="$VERSION" REVISION="$REVISION"
say "pushing and signing $image:$VERSION"
buildah manifest push --quiet --all --format oci --digestfile "$temp/digest" "$image:$VERSION" "docker://$image:$VERSION"
digest=$(<"$temp/digest")
"$COSIGN" sign --yes --recursive ${sign[@]+"${sign[@]}"} "$image@$digest"
attest "$image@$digest"
buildah manifest inspect "$image@$digest" >"$temp/index.json" # in the registry: what it has is compressed, unlike the list here
while read -r arch of; do
  attest "$image@$of" "$OUT/caseharden_${VERSION}_linux_$arch.cdx.json"
done < <(jq -r '.manifests[] | "\(.platform.architecture) \(.digest)"' "$temp/index.json")

say "the chart, which names the image by its digest"
cp -r deploy/chart "$temp/chart"
sed -i -e "s|^  repository: caseharden\$|  repository: $image|" -e "s|^  digest: \"\"\$|  digest: $digest|" "$temp/chart/values.yaml"
grep -qx "  digest: $digest" "$temp/chart/values.yaml" && grep -qx "  repository: $image" "$temp/chart/values.yaml" ||
  fail "deploy/chart/values.yaml: the image's repository or digest could not be set"
"$HELM" package "$temp/chart" --destination "$OUT" ${CHART_KEY:+--sign --key "$CHART_KEY" --keyring "$CHART_KEYRING"}
"$HELM" template caseharden "$temp/chart" --namespace caseharden --set createNamespace=true --skip-tests >"$OUT/install.yaml"
"$HELM" push "$OUT/caseharden-$VERSION.tgz" "oci://$REGISTRY/charts" 2>&1 | tee "$temp/push.txt"
chart=$REGISTRY/charts/caseharden@$(awk '$1 == "Digest:" {print $2}' "$temp/push.txt")
"$COSIGN" sign --yes ${sign[@]+"${sign[@]}"} "$chart"
attest "$chart"

say "krew manifest, checksums and their signature"
sed -e "s|VERSION|$VERSION|g" -e "s|SOURCE|$SOURCE|g" deploy/krew.yaml >"$OUT/krew.yaml"
for platform in "${platforms[@]}"; do
  name=${platform/\//_}
  sum=$(sha256sum "$OUT/caseharden_${VERSION}_$name.tar.gz")
  sed -i "s|SHA256_$name\$|${sum%% *}|" "$OUT/krew.yaml"
done
(cd "$OUT" && sha256sum -- * >"$temp/checksums.txt" && mv "$temp/checksums.txt" .)
"$COSIGN" sign-blob --yes ${sign[@]+"${sign[@]}"} --bundle "$OUT/checksums.txt.sigstore.json" "$OUT/checksums.txt"
"$COSIGN" attest-blob --yes ${sign[@]+"${sign[@]}"} --type slsaprovenance1 --predicate "$temp/provenance.json" \
  --bundle "$OUT/checksums.txt.provenance.sigstore.json" "$OUT/checksums.txt"
say "released $VERSION: $image@$digest, $chart, and the files in $OUT"
