// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package failures

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/product/release"
	"github.com/caseharden/caseharden/e2e/status/command"
	"github.com/caseharden/caseharden/e2e/status/failures/image"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// Without replicas and with failurePolicy Fail no Pods are created. Status says so, and its
// command lets them through. With failurePolicy Ignore they are created, and are not hardened.
func TestOutage(t *testing.T) {
	ns := bedtest.Namespace(t, c, "outage", enforcing("hardened"))
	scale(t, 0)
	t.Cleanup(func() { scale(t, 2) })
	bedtest.Apply(t, c, ns, application{name: "web", image: image.Root}.manifest())
	f := refused(t, ns)
	if f.ID != "webhook-not-called" || f.Verdict != "breaks" || len(f.Settings) > 0 {
		t.Errorf("finding = %+v", f)
	}
	if i := status(t, "-n", ns).Clusters[0].Installation; !slices.ContainsFunc(i.Problems, func(p command.Problem) bool { return p.ID == "no-endpoints" }) || i.Replicas != 0 {
		t.Errorf("installation = %+v", i)
	}
	shell(t, f.Command)
	bedtest.Within(t, soon, "the freed workload to run", func() error { return runs(t, ns, "web") })

	scale(t, 2)
	t.Cleanup(func() { upgrade(t, "Fail") })
	upgrade(t, "Ignore")
	scale(t, 0)
	open := bedtest.Namespace(t, c, "outage-open", enforcing("hardened"))
	time.Sleep(2 * time.Second) // times have whole seconds, and a Pod of the second of the label may be older
	bedtest.Apply(t, c, open, application{name: "web", image: image.Root}.manifest())
	bedtest.Within(t, soon, "the Pod that is let through", func() error { return runs(t, open, "web") })
	if n := status(t, "-n", open).Namespace(t, open); n.States["not-reviewed"] != 1 {
		t.Errorf("states = %v", n.States)
	}
}

// refused waits until something refuses the Pods of Deployment web, and returns the finding.
func refused(t *testing.T, ns string) (f command.Finding) {
	t.Helper()
	bedtest.Within(t, soon, "the Pods to be refused", func() error {
		w := status(t, "-n", ns).Workload(t, "Deployment", "web")
		if len(w.Findings) != 1 {
			return fmt.Errorf("%+v", w)
		}
		f = w.Findings[0]
		return nil
	})
	return f
}

// Pod Security refuses what its author has set: that, only the author can change.
func TestPodSecurity(t *testing.T) {
	t.Parallel()
	ns := bedtest.Namespace(t, c, "pod-security", map[string]string{"caseharden.io/enforce": "hardened", "pod-security.kubernetes.io/enforce": "restricted"})
	bedtest.Apply(t, c, ns, application{name: "web", image: image.Root, context: "capabilities: {add: [NET_ADMIN]}"}.manifest())
	f := refused(t, ns)
	if f.ID != "pod-security-refused" || f.Verdict != "breaks" || f.Command != "" {
		t.Errorf("finding = %+v", f)
	}
	// Somebody who may only view sees it too.
	shell(t, "kubectl create rolebinding alice -n "+ns+" --clusterrole=view --user=alice")
	alice := command.As(t, c.Kubeconfig(), "alice")
	if w := statusOf(t, alice, "-n", ns).Workload(t, "Deployment", "web"); len(w.Findings) != 1 {
		t.Errorf("workload = %+v", w)
	}
}

// scale changes the number of replicas, and returns when there are so many.
func scale(t *testing.T, replicas int) {
	t.Helper()
	ctx := context.Background() // also when the test has ended
	if _, err := c.Kubectl(ctx, nil, "scale", "--namespace="+release.Namespace, "deployment/caseharden", "--replicas="+strconv.Itoa(replicas)); err != nil {
		t.Error(err)
	}
	bedtest.Within(t, soon, "the replicas", func() error {
		pods, err := c.Client().CoreV1().Pods(release.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=caseharden"})
		if err != nil {
			return err
		}
		ready := 0
		for _, pod := range pods.Items {
			for _, condition := range pod.Status.Conditions {
				if condition.Type == "Ready" && condition.Status == "True" {
					ready++
				}
			}
		}
		if len(pods.Items) != replicas || ready != replicas {
			return fmt.Errorf("%d are there, and %d ready", len(pods.Items), ready)
		}
		return nil
	})
}

func upgrade(t *testing.T, failurePolicy string) {
	t.Helper()
	if err := c.Upgrade(context.Background(), "--set=webhook.failurePolicy="+failurePolicy); err != nil {
		t.Error(err)
	}
}
