// Where the tests find the CustomResourceDefinitions of others. Only YAML files of these
// modules are read, and nothing of them is compiled, so go mod tidy would empty this.
module github.com/caseharden/caseharden/e2e/testbed/tools/crds

go 1.26.0

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/openreports/reports-api v0.2.1
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/wg-policy-prototypes v0.0.0-20230505033312-51c21979086a
)
