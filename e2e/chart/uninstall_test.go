// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/manifests"
)

// After helm uninstall nothing is left but the Secret that the pods made, and nothing
// stands in the way of a pod or a label. What is left is no obstacle to the next
// installation.
func TestUninstall(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.createCRDs(t)
	everything := []string{
		"--set=autoscaling.enabled=true,networkPolicy.enabled=true,podMonitor.enabled=true,prometheusRule.enabled=true,dashboard.enabled=true",
		"--set-file=profiles.mesh.file=" + exampleProfile("mesh"),
	}
	in.install(t, everything...)
	in.namespace(t, "shop", map[string]string{"caseharden.io/enforce": "mesh"})
	in.waitInjected(t, "shop", "mesh")

	rendered := template(t, everything...)
	if before, objects := in.left(t, rendered), strings.Count(rendered, "\nkind: "); len(before) < objects {
		t.Fatalf("of %d objects only these are found: %q", objects, before)
	}

	in.helm(t, "uninstall", "caseharden", "--namespace=caseharden", "--wait")
	if _, err := in.createPod(t.Context(), "shop"); err != nil {
		t.Errorf("with the pods of the webhook still there: %v", err)
	}
	in.settle(t) // its pods are gone
	if injected, err := in.createPod(t.Context(), "shop"); err != nil || injected != "" {
		t.Errorf("with the pods of the webhook gone: %q, %v", injected, err)
	}
	within(t, "the label guard to be gone", func() error {
		_, stderr, err := in.kubectl(t, labelled("other", "caseharden.io/enforce: hardend"), "create", "--dry-run=server", "-f", "-")
		if err != nil {
			return errors.New(stderr)
		}
		return nil
	})
	if diff := cmp.Diff([]string{"secret/caseharden-tls"}, in.left(t, rendered)); diff != "" {
		t.Errorf("left behind (-want +got):\n%s", diff)
	}
	in.kubectlOK(t, "label", "namespace", "shop", "caseharden.io/enforce-")

	in.install(t)
	in.kubectlOK(t, "label", "namespace", "shop", "caseharden.io/enforce=hardened")
	in.waitInjected(t, "shop", "hardened")
}

// left returns what there is in the namespace of the release, and which of the rendered
// objects outside of it.
func (in *installation) left(t *testing.T, rendered string) []string {
	t.Helper()
	objects, err := manifests.Decode([]byte(rendered))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{"secret": true, "configmap": true, "pod": true}
	for _, o := range objects {
		group, _, _ := strings.Cut(o.GetAPIVersion(), "/")
		if !strings.Contains(o.GetAPIVersion(), "/") {
			group = ""
		}
		kinds[strings.TrimSuffix(strings.ToLower(o.GetKind())+"."+group, ".")] = true
	}
	var left []string
	for kind := range kinds {
		stdout := in.kubectlOK(t, "get", kind, "--namespace=caseharden", "--output=name", "--ignore-not-found")
		for name := range strings.FieldsSeq(stdout) {
			if strings.Contains(name, "caseharden") {
				left = append(left, name)
			}
		}
	}
	slices.Sort(left)
	return left
}

// kubectlOK runs kubectl, and fails the test if kubectl fails.
func (in *installation) kubectlOK(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, err := in.kubectl(t, "", args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return stdout
}
