// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/caseharden/caseharden/e2e/product/manifests"
)

// helm3 runs Helm 3 without a cluster, and returns what it prints.
func helm3(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	return run(t, []string{"HOME=" + t.TempDir()}, "", helm3Binary, args...)
}

// Helm 3 finds nothing wrong with the chart, and renders the same objects as Helm 4. So
// the tests of templates and of the schema, which run Helm 4 alone, hold for both.
func TestHelm3RendersTheSame(t *testing.T) {
	certificate, _ := issue(t, "caseharden.caseharden.svc")
	for name, args := range map[string][]string{
		"defaults":       nil,
		"everything":     {"--values=" + everything},
		"cert-manager":   {"--set=certificates.mode=cert-manager,networkPolicy.enabled=true,serviceMonitor.enabled=true"},
		"provided":       {"--set=certificates.mode=provided,certificates.secretName=tls", "--set-file=certificates.caBundle=" + write(t, certificate)},
		"an own profile": {"--set-file=profiles.mesh.file=" + exampleProfile("mesh"), "--set=profiles.restricted=null,autoscaling.enabled=true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if stdout, stderr, err := helm3(t, append([]string{"lint", "--strict", chartDir()}, args...)...); err != nil {
				t.Errorf("helm lint: %v\n%s%s", err, stdout, stderr)
			}
			rendered, stderr, err := helm3(t, append([]string{"template", "caseharden", chartDir(), "--namespace=caseharden"}, args...)...)
			if err != nil {
				t.Fatalf("helm template: %v\n%s", err, stderr)
			}
			want, got := sorted(t, template(t, args...)), sorted(t, rendered)
			if len(want) < 5 {
				t.Fatalf("only %d objects are rendered", len(want))
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("objects (-Helm 4 +Helm 3):\n%s", diff)
			}
		})
	}
}

var emptyLine = regexp.MustCompile(`(?m)^[ \t]*\n`)

// sorted returns the rendered objects in the order of their names, without empty lines.
// Helm 3 and Helm 4 order unknown kinds differently, and Helm 3 removes the empty lines
// at the end of a template.
func sorted(t *testing.T, rendered string) []*unstructured.Unstructured {
	t.Helper()
	objects, err := manifests.Decode(emptyLine.ReplaceAll([]byte(rendered), nil))
	if err != nil {
		t.Fatal(err)
	}
	name := func(o *unstructured.Unstructured) string {
		return o.GetKind() + "/" + o.GetNamespace() + "/" + o.GetName()
	}
	slices.SortFunc(objects, func(a, b *unstructured.Unstructured) int { return cmp.Compare(name(a), name(b)) })
	return objects
}

// Helm 3 refuses a value that the schema does not know.
func TestHelm3ChecksTheSchema(t *testing.T) {
	_, stderr, err := helm3(t, "template", "caseharden", chartDir(), "--set=webhook.failurPolicy=Ignore")
	if err == nil || !strings.Contains(stderr, "failurPolicy") {
		t.Errorf("%v: %s", err, stderr)
	}
}

// An upgrade with Helm 3 takes back a field that somebody else changed. Where it turns
// autoscaling on, there is one replica at first, also if somebody else set their number.
func TestHelm3OwnsWhatOthersChanged(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.helmBinary = helm3Binary
	in.install(t)
	before := in.caBundles(t)
	in.kubectlOK(t, "patch", "mutatingwebhookconfiguration", "caseharden", "--type=json", `--patch=[{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]`)
	in.kubectlOK(t, "scale", "deployment", "caseharden", "--namespace=caseharden", "--replicas=3")
	in.settle(t)

	in.helm(t, "upgrade", "caseharden", chartDir(), "--namespace=caseharden", "--reset-then-reuse-values", "--set=autoscaling.enabled=true")
	if policy := in.kubectlOK(t, "get", "mutatingwebhookconfiguration", "caseharden", "--output=jsonpath={.webhooks[0].failurePolicy}"); policy != "Fail" {
		t.Errorf("failurePolicy is %s", policy)
	}
	if replicas := in.kubectlOK(t, "get", "deployment", "caseharden", "--namespace=caseharden", "--output=jsonpath={.spec.replicas}"); replicas != "1" {
		t.Errorf("replicas is %s", replicas)
	}
	if after := in.caBundles(t); after != before {
		t.Errorf("the caBundles were\n%s\nand are\n%s", before, after)
	}
}
