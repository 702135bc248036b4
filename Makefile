# Two commands on a fresh machine with Go and make: make demo, make test.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
CYCLONEDX := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
FUZZTIME ?= 10s

# Minor versions of Kubernetes for make test-versions.
VERSIONS ?= 1.30 1.32 1.34 1.36
SOAK ?= 2m
# The corpus of real pods for the tests against the API server; without it, those
# run on the pods of the tests alone.
override CORPUS := $(if $(CORPUS),$(abspath $(CORPUS)))
export CORPUS

# The race detector needs a C compiler, which a fresh machine may not have.
RACE := $(if $(shell command -v $$(go env CC)),-race)

# What the binary says it is, and when its source is from. A variable of that name in the
# environment may be another project's, and does not count.
VERSION = $(shell awk -F '[: "]+' '/^appVersion:/ {print $$2}' deploy/chart/Chart.yaml)
REVISION = $(shell git rev-parse HEAD 2>/dev/null)$(if $(shell git status --porcelain 2>/dev/null),-dirty)
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),0)

# The image's name, which is the chart's default; the tool that builds it, if not the
# first that works here, and further flags for that; the platforms, such as
# linux/amd64,linux/arm64, if not this one; and where Go modules and the image with Go
# come from.
IMAGE ?= caseharden:$(VERSION)
IMAGE_TOOL ?=
IMAGE_FLAGS ?=
PLATFORMS ?=
GOPROXY ?= $(shell go env GOPROXY 2>/dev/null)
GO_IMAGE ?=

.PHONY: help demo demo-cluster check bench bench-images bench-steps test plan corpus build sbom image test-image release release-verify lint vulnerabilities update verify unit fuzz control-plane tools e2e soak test-cluster test-trial test-status test-versions test-apps clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Show the webhook at work: by itself, then on a real API server
	@echo "== building caseharden"
	@mkdir -p bin
	@go build -buildvcs=false -o bin/ . ./internal/demo
	@bin/demo bin/caseharden e2e/demo/legacy.yaml
	@echo
	@echo "== next: the same on a real API server (Ctrl-C ends the demo)"
	@$(MAKE) --no-print-directory control-plane
	@go -C e2e build -o ../bin/demo-apiserver ./demo
	@exec bin/demo-apiserver

# Further flags: --only=direct or --only=apiserver, --rounds=N, --json=FILE.
BENCH_FLAGS ?=

bench: corpus ## Compare the speed with constant answers, CEL and controller-runtime, in about three minutes (Linux)
	@go -C e2e build -o ../bin/bench ./bench
	@exec bin/bench $(BENCH_FLAGS)

# How many images, and how large each is, in MiB.
IMAGES ?= 200
IMAGE_SIZE ?= 300

bench-images: ## Measure how long the preview takes to read IMAGES images of IMAGE_SIZE MiB (Linux; 10 GB of disk)
	@go -C e2e run ./images/measure --images=$(IMAGES) --size=$(IMAGE_SIZE)

bench-steps: ## Measure the steps of a review by themselves, with allocations
	go test -run '^$$' -bench 'Steps|Handler' -benchmem ./mutate ./internal/server

check: ## Run what a commit needs: format, vet, staticcheck, unit tests and the words of the documents
	@echo "== make check: the main module alone; make test runs all tests"
	$(unformatted)
	go vet -tags=image ./...
	go run $(STATICCHECK) -tags=image ./...
	@echo "== unit tests, which also check the words of the documents"
	go test -vet=off ./...

test: plan corpus control-plane tools lint verify unit fuzz e2e ## Run all tests, on the Pods of CORPUS too (see CONTRIBUTING)

# Estimates for two idle cores. The first time, the parts also compile.
plan:
	@echo "== make test runs these parts, in this order (estimates for two idle cores):"
	@echo "   1. build etcd, kube-apiserver and kubectl    10 min the first time, then seconds"
	@echo "   2. build Helm, Prometheus and a registry     7 min the first time, then seconds"
	@echo "   3. lint: gofmt, go vet, staticcheck          5 min the first time, then 1 min"
	@echo "   4. verify: generated files are current       1 min"
	@printf '   %-45s%s\n' '5. unit tests$(if $(RACE), with the race detector)' '3 min the first time, then 1 min'
	@printf '   %-45s%s\n' '6. fuzz: each target for $(FUZZTIME)' '3 min'
	@echo "   7. e2e: tests on a real API server           15 min"
	@echo "   It needs 5 GB of disk. For a commit, make check is enough."

corpus:
	@test -z "$(CORPUS)" || gzip -t "$(CORPUS)" || { echo "make: CORPUS=$(CORPUS) must be a gzipped file" >&2; exit 1; }

BINARY ?= bin/caseharden
build: $(BINARY) ## Build the binary

# The processors that the binary is for: the oldest that Go knows.
GOAMD64 = v1
GOARM64 = v8.0

# The flags are those of the Dockerfile: the same source makes the same bytes, whatever
# Go's variables are in the environment.
$(BINARY): FORCE
	CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off GOEXPERIMENT= GOFIPS140=off GOAMD64=$(GOAMD64) GOARM64=$(GOARM64) \
	  go build -trimpath -buildvcs=false \
	  -ldflags "-s -w -buildid= -X main.version=$(VERSION) -X main.revision=$(REVISION)" -o $@ .
FORCE:

# Where the list of components goes.
SBOM ?= bin/caseharden.cdx.json

sbom: $(BINARY) ## List what is in the binary, in CycloneDX's JSON, at SBOM
	@echo "== listing what is in $< (the first time, this compiles the tool for it)"
	@GOOS= GOARCH= GOFLAGS= go run $(CYCLONEDX) bin -json -std -noserial -notimestamp -version v$(VERSION) -output $(SBOM) $<
	@echo "== $(SBOM)"

image: ## Build the image IMAGE for PLATFORMS with docker, podman or buildah
	@VERSION='$(VERSION)' REVISION='$(REVISION)' SOURCE_DATE_EPOCH='$(SOURCE_DATE_EPOCH)' IMAGE='$(IMAGE)' \
	  IMAGE_TOOL='$(IMAGE_TOOL)' IMAGE_FLAGS='$(IMAGE_FLAGS)' PLATFORMS='$(PLATFORMS)' GOPROXY='$(GOPROXY)' \
	  GO_IMAGE='$(GO_IMAGE)' deploy/image.sh

# Where a release goes.
REGISTRY ?= ghcr.io/caseharden
SOURCE ?= https://github.com/caseharden/caseharden
OUT ?= bin/release

release: ## Make a release and push it to REGISTRY; with DRY_RUN=1, to a registry of its own, which is then verified (Linux, root)
	@if [ -n "$(DRY_RUN)" ]; then e2e/supplychain/release/test.sh; else \
	  VERSION='$(VERSION)' REGISTRY='$(REGISTRY)' SOURCE='$(SOURCE)' OUT='$(OUT)' deploy/release.sh; fi

release-verify: ## Verify a release in REGISTRY and OUT
	@VERSION='$(VERSION)' REGISTRY='$(REGISTRY)' SOURCE='$(SOURCE)' OUT='$(OUT)' deploy/verify.sh

test-image: ## Build the image and run it (Linux, as root: it installs buildah and podman)
	@e2e/supplychain/image/test.sh

unformatted = @files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "gofmt would change:" $$files >&2; exit 1; fi

lint:
	@echo "== actionlint, gofmt, go vet, staticcheck (which take some minutes the first time)"
	go run $(ACTIONLINT)
	$(unformatted)
	go vet -tags=image ./...
	go -C e2e vet -tags=image,cluster,gitops ./...
	go -C e2e/bench/controllerruntime vet ./...
	go run $(STATICCHECK) -tags=image ./...
	cd e2e && go run $(STATICCHECK) -tags=image,cluster,gitops ./...
	cd e2e/bench/controllerruntime && go run $(STATICCHECK) ./...

vulnerabilities: ## Ask Go's database of vulnerabilities about what the binary calls
	go run $(GOVULNCHECK) ./...

# All but e2e/testbed/tools/crds, which names modules whose files are read and has no code.
MODULES := . $(filter-out e2e/testbed/tools/crds,$(patsubst %/go.mod,%,$(wildcard e2e/go.mod e2e/testbed/tools/*/go.mod e2e/bench/*/go.mod)))

# What is checked in and made from something else.
update: ## Make again deploy/install.yaml, the chart's README and policies, the dashboard, THIRD_PARTY_LICENSES, and what docs/performance.json shows
	@mkdir -p bin
	go -C e2e run ./gen/licences > bin/licences.txt
	mv bin/licences.txt THIRD_PARTY_LICENSES
	go -C e2e run ./gen/dashboard > bin/dashboard.json
	mv bin/dashboard.json deploy/chart/files/dashboard.json
	go -C e2e run ./gen/chartreadme > bin/README.md
	mv bin/README.md deploy/chart/README.md
	for profile in $$(go run . profiles list -o name); do \
	  go run . profiles export $$profile > bin/policies.yaml && mv bin/policies.yaml deploy/chart/files/policies/$$profile.yaml || exit 1; \
	done
	go -C e2e run ./gen/install > bin/install.yaml
	mv bin/install.yaml deploy/install.yaml
	go -C e2e test ./bench -run IsCurrent -update

verify: ## Fail if make update would change something
	@echo "== go.mod and go.sum have what is built and no more; THIRD_PARTY_LICENSES is of what is linked"
	@for module in $(MODULES); do \
	  (cd $$module && go mod tidy -diff) || { echo "$$module/go.mod is not tidy: run go mod tidy there, then make update" >&2; exit 1; }; \
	  (cd $$module && go mod verify >/dev/null) || { echo "$$module: what the module cache has is not what go.sum says: run go clean -modcache" >&2; exit 1; }; \
	done
	@mkdir -p bin
	@go -C e2e run ./gen/licences > bin/licences.txt
	@diff -u THIRD_PARTY_LICENSES bin/licences.txt || { echo "THIRD_PARTY_LICENSES is stale: run make update" >&2; exit 1; }
	@echo "== deploy/install.yaml is what the chart renders, the dashboard what e2e/gen/dashboard says, and docs/performance.md what was measured"
	@go -C e2e run ./gen/install > bin/install.yaml
	@diff -u deploy/install.yaml bin/install.yaml || { echo "deploy/install.yaml is stale: run make update" >&2; exit 1; }
	@for profile in $$(go run . profiles list -o name); do \
	  go run . profiles export $$profile | diff -u deploy/chart/files/policies/$$profile.yaml - || { echo "deploy/chart/files/policies is stale: run make update" >&2; exit 1; }; \
	done
	@go -C e2e run ./gen/dashboard > bin/dashboard.json
	@diff -u deploy/chart/files/dashboard.json bin/dashboard.json || { echo "deploy/chart/files/dashboard.json is stale: run make update" >&2; exit 1; }
	@go -C e2e run ./gen/chartreadme > bin/README.md
	@diff -u deploy/chart/README.md bin/README.md || { echo "deploy/chart/README.md is stale: run make update" >&2; exit 1; }
	@go -C e2e test -count=1 ./bench -run IsCurrent

unit: ## Run the unit tests, with the race detector if there is a C compiler
	@echo "== unit tests, about half a minute once compiled$(if $(RACE),, (without the race detector: it needs a C compiler))"
	go test $(RACE) ./...

# An input of FuzzJudge or FuzzSteps may take a second. Go reports an input that runs when the time is over as a failure, so these
# two have a number of inputs.
fuzz: ## Fuzz each target for FUZZTIME
	@echo "== fuzzing, $(FUZZTIME) each"
	@grep -roE --include='*_test.go' --exclude-dir=e2e '^func Fuzz\w+' . | sed 's|/[^/]*:func |:|' | sort | while IFS=: read -r package target; do \
	  case $$target in FuzzJudge|FuzzSteps) time=10000x ;; *) time=$(FUZZTIME) ;; esac; \
	  go test $$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $$time -fuzzminimizetime 10x </dev/null || exit 1; \
	done

control-plane: ## Build etcd, kube-apiserver and kubectl (minutes the first time)
	@echo "== building the control plane: etcd, kube-apiserver and kubectl (five to ten minutes the first time)"
	@go -C e2e run ./testbed/controlplane/build >/dev/null

tools: ## Build Helm 4, Helm 3, kustomize, Prometheus and a registry, for the tests (minutes the first time)
	@echo "== building tools of the tests: Helm 4, Helm 3, kustomize, Prometheus and a registry (four to seven minutes the first time)"
	@go -C e2e run ./testbed/tools/build >/dev/null

e2e: ## Run the tests against a real API server
	@echo "== tests against a real API server, some minutes once compiled (which takes some minutes the first time)"
	go -C e2e test -p 1 -count=1 -timeout 20m -v ./... | grep -v '^=== '

soak: ## Put it under all the load that this machine can make for SOAK, and see whether a good review fails or anything grows
	@go -C e2e build -o ../bin/soak ./load
	@exec bin/soak --for=$(SOAK)

demo-cluster: ## Show it down to the kernel, in a whole cluster (Linux, as root: it installs runc and buildah)
	@e2e/node/demo.sh

test-cluster: ## Run the tests on a whole cluster (Linux, as root: it installs runc and buildah)
	@e2e/node/test.sh

test-trial: ## Run all tests of trials on a whole cluster, also of real applications (Linux, as root; half an hour)
	@TRIALS=. e2e/node/test.sh

test-status: ## Run all tests of status on a whole cluster, with containers that fail in every way (Linux, as root; some minutes)
	@e2e/status/failures/test.sh

test-versions: ## Run tests on the API servers of VERSIONS, such as "1.30 1.34 next" (builds each the first time, five minutes or more)
	@go -C e2e run ./versions $(if $(RECORD),--record=$(abspath $(RECORD))) $(VERSIONS)

test-apps: ## Run real servers under every setting on a whole cluster, and judge the preview by it (Linux, as root; half an hour)
	@e2e/apps/test.sh

clean: ## Remove bin; the programs of the tests are in ~/.cache/caseharden
	rm -rf bin
