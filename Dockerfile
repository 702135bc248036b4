# The image is the static binary and the licences of what is in it: no shell, no libraries.
# make image builds it; so does docker build by itself, without a version.

# An image with Go and a shell, for where Docker Hub cannot be reached.
ARG GO_IMAGE=docker.io/library/golang:1.26.8

# Always on the machine that builds: Go compiles for the others.
FROM --platform=$BUILDPLATFORM $GO_IMAGE AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOCACHE=/cache/build GOMODCACHE=/cache/modules GOFLAGS=-modcacherw
ARG GOPROXY
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/cache go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION
ARG REVISION
ARG SOURCE_DATE_EPOCH
# The flags are those of make build, which so makes the same bytes. The files get the date
# of their source, as nothing else in the image has one.
RUN --mount=type=cache,target=/cache \
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
      -ldflags "-s -w -buildid= -X main.version=$VERSION -X main.revision=$REVISION" -o /caseharden . && \
    touch -d "@${SOURCE_DATE_EPOCH:-0}" /caseharden LICENSE THIRD_PARTY_LICENSES

FROM scratch
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="caseharden" \
      org.opencontainers.image.description="Fills in the securityContext settings that the authors of pods left unset, in namespaces that opt in by a label" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build --chmod=644 /src/LICENSE /src/THIRD_PARTY_LICENSES /
COPY --from=build /caseharden /caseharden
USER 10001:10001
ENTRYPOINT ["/caseharden"]
CMD ["serve"]
