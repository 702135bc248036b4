// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/product/release"
	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
)

// With failurePolicy Ignore, what is created in an outage is admitted as it is. The metric
// of the API server counts it, preview finds it, and it is hardened once it is made again.
func TestFailOpen(t *testing.T) {
	binary, err := webhook.Compile(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	waitReplicas(t) // after another test
	ns := bedtest.Namespace(t, c, "failopen", enforcing("hardened"))
	upgrade(t, "Ignore")
	t.Cleanup(func() { upgrade(t, "Fail") }) // which waits for all replicas

	bedtest.Kubectl(t, c, "", "create", "deployment", "--namespace="+ns, "early", "--image="+cluster.ProbeName, "--replicas=2")
	bedtest.Kubectl(t, c, "", "rollout", "status", "--namespace="+ns, "deployment/early", "--timeout=1m")
	if got := unhardened(t, ns); len(got) > 0 {
		t.Fatalf("before the outage these are not hardened: %v", got)
	}

	t.Cleanup(func() { scaleWebhook(t, 2) })
	scaleWebhook(t, 0)
	bedtest.Within(t, time.Minute, "the end of all replicas", func() error {
		if left := replicas(t); len(left) > 0 {
			return fmt.Errorf("%d are left", len(left))
		}
		return nil
	})
	before := failedOpen(t)
	bedtest.Kubectl(t, c, "", "create", "deployment", "--namespace="+ns, "late", "--image="+cluster.ProbeName, "--replicas=3")
	bedtest.Kubectl(t, c, "", "scale", "--namespace="+ns, "deployment/early", "--replicas=3")
	for _, name := range []string{"early", "late"} {
		bedtest.Kubectl(t, c, "", "rollout", "status", "--namespace="+ns, "deployment/"+name, "--timeout=1m")
	}
	slipped := unhardened(t, ns)
	if len(slipped) != 4 {
		t.Errorf("in the outage these were admitted unhardened: %v, want 4", slipped)
	}
	if got := failedOpen(t) - before; got != len(slipped) {
		t.Errorf("the metric has counted %d, want %d", got, len(slipped))
	}
	if diff := cmp.Diff(slipped, previewed(t, binary, ns)); diff != "" {
		t.Errorf("preview finds others (-want +got):\n%s", diff)
	}

	scaleWebhook(t, 2)
	waitReplicas(t)
	for _, name := range []string{"early", "late"} {
		bedtest.Kubectl(t, c, "", "rollout", "restart", "--namespace="+ns, "deployment/"+name)
		bedtest.Kubectl(t, c, "", "rollout", "status", "--namespace="+ns, "deployment/"+name, "--timeout=1m")
	}
	bedtest.Within(t, time.Minute, "the end of the old pods", func() error {
		if left := unhardened(t, ns); len(left) > 0 {
			return fmt.Errorf("%v", left)
		}
		return nil
	})
	if got := previewed(t, binary, ns); len(got) > 0 {
		t.Errorf("afterwards preview finds %v", got)
	}
}

func upgrade(t *testing.T, failurePolicy string) {
	t.Helper()
	if err := c.Upgrade(context.Background(), "--set=webhook.failurePolicy="+failurePolicy); err != nil {
		t.Error(err)
	}
}

func scaleWebhook(t *testing.T, replicas int) {
	t.Helper()
	_, err := c.Kubectl(context.Background(), nil, "scale", "--namespace="+release.Namespace, "deployment/caseharden", "--replicas="+strconv.Itoa(replicas))
	if err != nil {
		t.Error(err)
	}
}

// unhardened lists the pods of a namespace that lack something of the profile hardened.
func unhardened(t *testing.T, namespace string) []string {
	t.Helper()
	pods, err := c.Client().CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, pod := range pods.Items {
		if lacking(&pod) != "" {
			names = append(names, pod.Name)
		}
	}
	slices.Sort(names)
	return names
}

// previewed lists the pods of a namespace that preview would change. (Its table names one
// of those that come out alike, and says how many more there are.)
func previewed(t *testing.T, binary, namespace string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, "preview", "-f", "-", "--profile", "hardened", "-o", "json")
	cmd.Stdin = strings.NewReader(bedtest.Kubectl(t, c, "", "get", "pods", "--namespace="+namespace, "--output=json"))
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("preview: %v\n%s", err, output)
	}
	var report struct {
		Workloads []struct {
			Name    string
			Changed bool
		}
	}
	if err := json.Unmarshal(output, &report); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, w := range report.Workloads {
		if w.Changed {
			names = append(names, w.Name)
		}
	}
	slices.Sort(names)
	return names
}

// failedOpen returns how many pods the API server says it has admitted although the call
// of the webhook failed.
func failedOpen(t *testing.T) int {
	t.Helper()
	return int(apiServerMetrics(t).value("apiserver_admission_webhook_fail_open_count", map[string]string{"name": "enforce-hardened.caseharden.io"}))
}
