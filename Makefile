# Two commands on a fresh machine with Go and make: make demo, make test.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 10s
# The corpus of real pods for the tests against the API server; without it, those
# run on the pods of the tests alone.
override CORPUS := $(if $(CORPUS),$(abspath $(CORPUS)))
export CORPUS

# The race detector needs a C compiler, which a fresh machine may not have.
RACE := $(if $(shell command -v $$(go env CC)),-race)

# The image's name, and the tool that builds it: the first that works here.
IMAGE ?= caseharden:latest
IMAGE_TOOL ?= $(shell for tool in docker podman buildah; do $$tool info >/dev/null 2>&1 && echo $$tool && break; done)

.PHONY: help demo test corpus build image lint update verify unit fuzz control-plane tools e2e test-cluster clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: control-plane ## Show the webhook at work on a real control plane
	@go -C e2e build -o ../bin/demo ./demo
	@exec bin/demo

test: corpus control-plane tools lint verify unit fuzz e2e ## Run all tests, on the pods of CORPUS too (see the README)

corpus:
	@test -z "$(CORPUS)" || gzip -t "$(CORPUS)" || { echo "make: CORPUS=$(CORPUS) must be a gzipped file" >&2; exit 1; }

build: bin/caseharden ## Build the binary

bin/caseharden: FORCE
	CGO_ENABLED=0 go build -trimpath -o $@ .
FORCE:

image: bin/caseharden ## Build the image IMAGE with IMAGE_TOOL (docker, podman or buildah)
	@test -n "$(IMAGE_TOOL)" || { echo "make image: needs docker, podman or buildah, and finds none of them at work" >&2; exit 1; }
	$(IMAGE_TOOL) build -t $(IMAGE) .

lint:
	@echo "== gofmt, go vet, staticcheck (which take some minutes the first time)"
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt would change:" $$unformatted >&2; exit 1; fi
	go vet ./...
	go -C e2e vet ./...
	go -C e2e vet -tags=cluster ./cluster/machine ./whole/...
	go run $(STATICCHECK) ./...
	cd e2e && go run $(STATICCHECK) ./...
	cd e2e && go run $(STATICCHECK) -tags=cluster ./cluster/machine ./whole/...

# What is checked in and made from something else.
update: ## Make deploy/install.yaml anew from the chart
	go -C e2e run ./render > deploy/install.yaml.new
	mv deploy/install.yaml.new deploy/install.yaml

verify: ## Fail if make update would change something
	@echo "== deploy/install.yaml is what the chart renders"
	@go -C e2e run ./render | diff -u deploy/install.yaml - || { echo "deploy/install.yaml is stale: run make update" >&2; exit 1; }

unit: ## Run the unit tests, with the race detector if there is a C compiler
	@echo "== unit tests, about half a minute once compiled$(if $(RACE),, (without the race detector: it needs a C compiler))"
	go test $(RACE) ./...

fuzz: ## Fuzz each target for FUZZTIME
	@echo "== fuzzing, $(FUZZTIME) each"
	@for target in mutate/FuzzArbitraryPod mutate/FuzzPod mutate/FuzzHandler \
	    preview/FuzzPreview preview/FuzzScriptPrograms preview/yamledit/FuzzAdd; do \
	  go test ./$$(dirname $$target) -run '^$$' -fuzz "^$$(basename $$target)\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x || exit 1; \
	done

control-plane: ## Build etcd, kube-apiserver and kubectl (minutes the first time)
	@echo "== building the control plane: etcd, kube-apiserver and kubectl (five to ten minutes the first time)"
	@go -C e2e run ./cluster/build >/dev/null

tools: ## Build Helm and Prometheus, for the tests (minutes the first time)
	@echo "== building tools of the tests: Helm and Prometheus (three to six minutes the first time)"
	@go -C e2e run ./tools/build >/dev/null

e2e: ## Run the tests against a real API server
	@echo "== tests against a real API server, some minutes once compiled (which takes some minutes the first time)"
	go -C e2e test $(RACE) -p 1 -count=1 -timeout 20m -v ./... | grep -v '^=== '

test-cluster: ## Run the tests on a whole cluster (Linux, as root: it installs runc)
	@e2e/whole/test.sh

clean: ## Remove what was built here
	rm -rf bin
