// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
	"github.com/caseharden/caseharden/e2e/testbed/cluster/kernel"
)

const legacyDeployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: legacy}
spec:
  selector: {matchLabels: {app: legacy}}
  template:
    metadata: {labels: {app: legacy}}
    spec: {containers: [{name: app, image: ` + cluster.ProbeName + `}]}
`

// A label changes nothing that runs: the next pods are hardened, and the next ones after the
// label is gone are not any more.
func TestLabelCountsForNewPodsOnly(t *testing.T) {
	t.Parallel()
	ns := bedtest.Namespace(t, c, "optin", nil)
	bedtest.Apply(t, c, ns, legacyDeployment)
	ready(t, ns, "legacy")
	for _, step := range []struct {
		label         string
		hardens       bool
		before, after kernel.Report
	}{
		{"caseharden.io/enforce=hardened", true, plainReport, hardenedReport},
		{"caseharden.io/enforce-", false, hardenedReport, plainReport},
	} {
		old := ready(t, ns, "legacy")
		bedtest.Kubectl(t, c, "", "label", "namespace", ns, step.label)
		waitHardens(t, ns, step.hardens)

		if diff := cmp.Diff(whatRuns(old), whatRuns(ready(t, ns, "legacy"))); diff != "" {
			t.Errorf("%s changed the running pod (-before +after):\n%s", step.label, diff)
		}
		if diff := cmp.Diff(step.before, now(t, ns, old.Name)); diff != "" {
			t.Errorf("%s, of the running pod the kernel says (-want +got):\n%s", step.label, diff)
		}

		bedtest.Kubectl(t, c, "", "rollout", "restart", "--namespace="+ns, "deployment/legacy")
		bedtest.Kubectl(t, c, "", "rollout", "status", "--namespace="+ns, "deployment/legacy", "--timeout=60s")
		if diff := cmp.Diff(step.after, now(t, ns, ready(t, ns, "legacy").Name)); diff != "" {
			t.Errorf("%s, of the new pod the kernel says (-want +got):\n%s", step.label, diff)
		}
		bedtest.Within(t, soon, "the end of the old pod", func() error {
			_, err := c.Client().CoreV1().Pods(ns).Get(t.Context(), old.Name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return nil
			}
			return fmt.Errorf("it is there, %v", err)
		})
	}
}

// whatRuns returns what tells the containers of a pod from others.
func whatRuns(p *corev1.Pod) []any {
	return []any{p.Name, p.Annotations, p.Spec, p.Status.ContainerStatuses[0].ContainerID}
}

// now returns what the kernel says in a container that runs already.
func now(t *testing.T, namespace, pod string) kernel.Report {
	t.Helper()
	return decode(t, bedtest.Kubectl(t, c, "", "exec", "--namespace="+namespace, pod, "--", "/probe", "-exit"))
}

// waitHardens waits until the API server has seen a change of a namespace's label.
func waitHardens(t *testing.T, namespace string, want bool) {
	t.Helper()
	bedtest.Within(t, soon, "the label to count", func() error {
		output, err := c.Kubectl(t.Context(), nil, "run", "--namespace="+namespace, "bare", "--image="+cluster.ProbeName,
			"--dry-run=server", "--output=jsonpath={.metadata.annotations}")
		if err == nil && strings.Contains(output, "caseharden.io/injected") != want {
			err = fmt.Errorf("annotations %s", output)
		}
		return err
	})
}

// Who applies a Deployment is told what its pods would get, and they get nothing.
func TestApplyOfADeploymentWarns(t *testing.T) {
	t.Parallel()
	// It is the flag that makes kubectl fail, so that what it says can be read here.
	apply := func(namespace string) error {
		_, err := c.Kubectl(t.Context(), strings.NewReader(legacyDeployment), "apply", "--namespace="+namespace, "--warnings-as-errors", "-f", "-")
		return err
	}
	if err := apply(bedtest.Namespace(t, c, "silent", nil)); err != nil {
		t.Errorf("without the label: %v", err)
	}

	ns := bedtest.Namespace(t, c, "warned", map[string]string{"caseharden.io/warn": "hardened"})
	err := apply(ns)
	if err == nil {
		err = errors.New("none")
	}
	const want = `Warning: caseharden: container "app" would get all 6 defaults of profile hardened`
	if _, got, _ := strings.Cut(err.Error(), "\n"); got != want+"\nerror: 1 warning received\n" {
		t.Errorf("warnings:\n%s\nwant:\n%s", err, want)
	}
	if diff := cmp.Diff(plainReport, report(t, ns, ready(t, ns, "legacy").Name, "app")); diff != "" {
		t.Errorf("the kernel says (-want +got):\n%s", diff)
	}
}
