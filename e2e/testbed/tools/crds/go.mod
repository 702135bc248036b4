// Where the tests find the CustomResourceDefinitions of others. Only YAML files of these
// modules are read, and nothing of them is compiled, so go mod tidy would empty this.
module github.com/caseharden/caseharden/e2e/testbed/tools/crds

go 1.26.0

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
