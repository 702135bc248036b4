// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/caseharden/caseharden/e2e/product/manifests"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// After helm uninstall nothing is left but the Secret that the pods made, and nothing
// stands in the way of a pod or a label. What is left is no obstacle to the next
// installation.
//
// Helm 4 deletes the webhook configuration before the Service, so that no API server calls
// a Service that is gone. Helm 3 deletes it after the Service.
func TestUninstall(t *testing.T) {
	for name, helm := range map[string]struct {
		binary            string
		configurationLast bool
	}{"Helm 4": {helmBinary, false}, "Helm 3": {helm3Binary, true}} {
		t.Run(name, func(t *testing.T) { testUninstall(t, helm.binary, helm.configurationLast) })
	}
}

func testUninstall(t *testing.T, helm string, configurationLast bool) {
	t.Parallel()
	in := newInstallation(t)
	in.helmBinary = helm
	in.createCRDs(t)
	everything := []string{
		"--set=autoscaling.enabled=true,networkPolicy.enabled=true,podMonitor.enabled=true,prometheusRule.enabled=true,dashboard.enabled=true",
		"--set-file=profiles.mesh.file=" + exampleProfile("mesh"),
	}
	in.install(t, everything...)
	in.namespace(t, "shop", map[string]string{"caseharden.io/enforce": "mesh"})
	in.waitInjected(t, "shop", "mesh")

	rendered := template(t, append(everything, "--no-hooks")...) // those of helm test, which is not run
	if before, objects := in.left(t, rendered), strings.Count(rendered, "\nkind: "); len(before) < objects {
		t.Fatalf("of %d objects only these are found: %q", objects, before)
	}

	one := metav1.ListOptions{FieldSelector: "metadata.name=caseharden"}
	configuration := deletionOf(t, one, in.client.AdmissionregistrationV1().MutatingWebhookConfigurations().Watch)
	service := deletionOf(t, one, in.client.CoreV1().Services("caseharden").Watch)
	in.helm(t, "uninstall", "caseharden", "--namespace=caseharden", "--wait")
	if last := configuration() > service(); last != configurationLast {
		t.Errorf("the webhook configuration is deleted after the Service: %t, want %t", last, configurationLast)
	}
	if _, err := in.createPod(t.Context(), "shop"); err != nil {
		t.Errorf("with the pods of the webhook still there: %v", err)
	}
	in.settle(t) // its pods are gone
	if injected, err := in.createPod(t.Context(), "shop"); err != nil || injected != "" {
		t.Errorf("with the pods of the webhook gone: %q, %v", injected, err)
	}
	bedtest.Within(t, soon, "the label guard to be gone", func() error {
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

// deletionOf watches an object and returns a function that waits for its deletion and
// returns the revision of etcd at which it was deleted.
func deletionOf(t *testing.T, one metav1.ListOptions, start func(context.Context, metav1.ListOptions) (watch.Interface, error)) func() int {
	t.Helper()
	watcher, err := start(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watcher.Stop)
	return func() int {
		t.Helper()
		deadline := time.After(30 * time.Second)
		for {
			select {
			case event, open := <-watcher.ResultChan():
				if !open {
					t.Fatal("the watch has ended")
				}
				if event.Type != watch.Deleted {
					continue
				}
				object, err := meta.Accessor(event.Object)
				if err != nil {
					t.Fatal(err)
				}
				revision, err := strconv.Atoi(object.GetResourceVersion())
				if err != nil {
					t.Fatal(err)
				}
				return revision
			case <-deadline:
				t.Fatal("it is not deleted within 30 s")
			}
		}
	}
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
