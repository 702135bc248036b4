#!/usr/bin/env bash
# Verifies a release as its users can: signatures and provenance of the image, the chart and the files, then the
# checksums of the files in OUT. The variables are those of release.sh, and
#
#   VERIFY_FLAGS    flags of cosign; empty demands the identity of the release workflow of SOURCE, at the tag of VERSION
set -euo pipefail

: "${VERSION:?}" "${REGISTRY:?}" "${OUT:?}" "${SOURCE:?}"
COSIGN=${COSIGN:-cosign}
workflow=$SOURCE/.github/workflows/release.yml
github=(--certificate-oidc-issuer=https://token.actions.githubusercontent.com "--certificate-identity=$workflow@refs/tags/v$VERSION")
read -ra verify <<<"${VERIFY_FLAGS:-${github[*]}}"

quietly() {
  echo "== ${*: -1}: $2"
  "$COSIGN" "$1" "${verify[@]}" "${@:3}" >/dev/null
}

for artifact in "$REGISTRY/caseharden:$VERSION" "$REGISTRY/charts/caseharden:$VERSION"; do
  quietly verify signature "$artifact"
  quietly verify-attestation provenance --type slsaprovenance1 "$artifact"
done
quietly verify-blob signature --bundle "$OUT/checksums.txt.sigstore.json" "$OUT/checksums.txt"
quietly verify-blob-attestation provenance --type slsaprovenance1 --bundle "$OUT/checksums.txt.provenance.sigstore.json" "$OUT/checksums.txt"
cd "$OUT"
echo "== $(wc -l <checksums.txt) files: checksums"
sha256sum --check --strict --quiet checksums.txt
