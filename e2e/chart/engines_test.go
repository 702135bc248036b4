// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/caseharden/caseharden/e2e/product/manifests"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// With engine policy nothing runs: all that is installed are policies, and the label guard is one
// of them.
func TestPolicyEngine(t *testing.T) {
	objects := render(t, "--set=engine=policy,networkPolicy.enabled=true,serviceMonitor.enabled=true,prometheusRule.enabled=true,dashboard.enabled=true,autoscaling.enabled=true")
	names := map[string]bool{}
	for _, o := range objects {
		names[o.GetName()] = true
		if !strings.HasSuffix(strings.TrimSuffix(o.GetKind(), "Binding"), "AdmissionPolicy") {
			t.Errorf("engine policy has a %s %s", o.GetKind(), o.GetName())
		}
		if strings.Contains(o.GetName(), "-account") {
			t.Errorf("there is no account to guard, and there is %s", o.GetName())
		}
	}
	for _, name := range []string{"caseharden-labels", "caseharden-enforce-hardened", "caseharden-warn-restricted-workloads"} {
		if !names[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

// The webhook beside the policies has mode audit alone, which the policies then leave to it.
func TestAuditWebhook(t *testing.T) {
	deployments := 0
	for _, o := range render(t, "--set=engine=policy,auditWebhook=true") {
		switch o.GetKind() {
		case "Deployment":
			deployments++
		case "MutatingWebhookConfiguration":
			webhooks, _, _ := unstructured.NestedSlice(o.Object, "webhooks")
			for _, w := range webhooks {
				if name := w.(map[string]any)["name"].(string); !strings.HasPrefix(name, "audit-") {
					t.Errorf("the webhook has %s", name)
				}
			}
		case "ValidatingAdmissionPolicyBinding":
			if actions, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "validationActions"); slices.Contains(actions, "Audit") {
				t.Errorf("%s audits as well", o.GetName())
			}
		}
	}
	if deployments != 1 {
		t.Errorf("%d Deployments, want 1", deployments)
	}
}

// What the values say of namespaces and Pods holds for the policies too, and names come from the
// release.
func TestPoliciesHaveTheValues(t *testing.T) {
	objects := render(t, "--set=engine=policy,fullnameOverride=mine,webhook.excludedNamespaces={infra},webhook.namespaceSelector.matchLabels.tier=web,webhook.reinvocationPolicy=Never",
		"--set-json=webhook.objectSelector={\"matchLabels\":{\"a\":\"b\"}}", "--set-json=webhook.matchConditions=[{\"name\":\"own\",\"expression\":\"true\"}]")
	for _, o := range objects {
		if o.GetName() == "mine-labels" {
			continue
		}
		lookUp := func(path ...string) any {
			v, _, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
			return v
		}
		got := map[string]any{"of the release": strings.HasPrefix(o.GetName(), "mine-")}
		want := map[string]any{"of the release": true}
		if strings.HasSuffix(o.GetKind(), "Binding") {
			got["policy"], want["policy"] = strings.HasPrefix(lookUp("spec", "policyName").(string), "mine-"), true
			got["pods"], want["pods"] = lookUp("spec", "matchResources", "objectSelector"), map[string]any{"matchLabels": map[string]any{"a": "b"}}
			got["namespaces"], want["namespaces"] = lookUp("spec", "matchResources", "namespaceSelector", "matchExpressions"), []any{
				map[string]any{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": []any{"caseharden", "kube-system", "infra"}},
				map[string]any{"key": "tier", "operator": "In", "values": []any{"web"}},
			}
		} else {
			conditions := lookUp("spec", "matchConditions").([]any)
			got["condition"], want["condition"] = conditions[len(conditions)-1], map[string]any{"name": "own", "expression": "true"}
		}
		if o.GetKind() == "MutatingAdmissionPolicy" {
			got["again"], want["again"] = lookUp("spec", "reinvocationPolicy"), "Never"
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", o.GetKind(), o.GetName(), diff)
		}
	}
}

func render(t *testing.T, args ...string) []*unstructured.Unstructured {
	t.Helper()
	objects, err := manifests.Decode([]byte(template(t, args...)))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// The policies of the built-in profiles are what the command prints.
func TestShippedPoliciesAreCurrent(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(chartDir(), "files", "policies", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no policies: %v", err)
	}
	var shipped []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		shipped = append(shipped, name)
		have, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if want := exported(t, name); string(have) != want {
			t.Errorf("%s is not what caseharden profiles export %s prints: run make update", file, name)
		}
	}
	list, err := exec.Command(binary, "profiles", "list", "-o", "name").Output()
	if err != nil {
		t.Fatal(err)
	}
	if builtIn := strings.Fields(string(list)); !slices.Equal(builtIn, shipped) {
		t.Errorf("the chart has policies of %q, and built in are %q", shipped, builtIn)
	}
}

func exported(t *testing.T, args ...string) string {
	t.Helper()
	output, err := exec.Command(binary, append([]string{"profiles", "export"}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(output)
}

// From the webhook to the policies and back, by way of both, each Pod is created, and hardened.
func TestEngineChangesUnderLoad(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.install(t, "--set=shutdownDelaySeconds=2")
	in.namespace(t, "shop", map[string]string{"caseharden.io/enforce": "hardened"})
	in.waitInjected(t, "shop", "hardened")

	load := in.startLoad(t, "shop")
	change := func(engine string) {
		in.helm(t, "upgrade", "caseharden", chartDir(), "--namespace=caseharden", "--reset-then-reuse-values", "--set=engine="+engine)
		in.settle(t)
		if engine == "both" {
			in.waitForPolicies(t)
		}
		load.goOn(t)
	}
	change("both")
	change("policy")
	if left := in.kubectlOK(t, "get", "deployments,services,serviceaccounts,mutatingwebhookconfigurations", "--namespace=caseharden", "--output=name", "--selector=app.kubernetes.io/instance=caseharden"); left != "" {
		t.Errorf("with engine policy there are %s", left)
	}
	change("both")
	change("webhook")
	if left := in.kubectlOK(t, "get", "mutatingadmissionpolicies,validatingadmissionpolicies", "--output=name", "--selector=app.kubernetes.io/instance=caseharden"); strings.Contains(left, "caseharden-enforce-") {
		t.Errorf("with engine webhook there are %s", left)
	}
	load.finish(t)
}

// waitForPolicies waits until the API server has used a policy: it reads them once a second.
func (in *installation) waitForPolicies(t *testing.T) {
	t.Helper()
	bedtest.Within(t, soon, "the policy to be used", func() error {
		metrics := in.kubectlOK(t, "get", "--raw=/metrics")
		for line := range strings.Lines(metrics) {
			if strings.HasPrefix(line, "apiserver_mutating_admission_policy_check_total{") && strings.Contains(line, `policy="caseharden-enforce-hardened"`) {
				return nil
			}
		}
		return errors.New("it has not been used")
	})
}
