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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
)

// Each container has a directory of its own in the volume of a writable path, also where the
// image has no such directory.
func testWritablePaths(t *testing.T) {
	t.Parallel()
	ns := bedtest.Namespace(t, c, "writable-paths", enforcing("own"))
	bedtest.Apply(t, c, ns, `
apiVersion: v1
kind: Pod
metadata: {name: pair, labels: {app: pair}}
spec:
  containers:
  - {name: writes, image: `+cluster.ProbeName+`, args: [-fill=/cache/file]}
  - {name: looks, image: `+cluster.ProbeName+`}
`)
	ready(t, ns, "pair")
	look := func(container string) string {
		return decode(t, bedtest.Kubectl(t, c, "", "exec", "--namespace="+ns, "pair", "--container="+container, "--", "/probe", "-exit", "-stat=/cache/file")).Files["/cache/file"]
	}
	bedtest.Within(t, soon, "the file", func() error {
		if got := look("writes"); got != "10001:2000 0600" {
			return errors.New(got)
		}
		return nil
	})
	if got := look("looks"); got != "ENOENT" {
		t.Errorf("in the other container the file is %s, want ENOENT", got)
	}
}

// A pod that writes more to a writable path than its sizeLimit is evicted, and one that
// writes less is not.
func testSizeLimit(t *testing.T) {
	t.Parallel()
	ns := bedtest.Namespace(t, c, "size-limit", enforcing("own"))
	bedtest.Apply(t, c, ns, `
apiVersion: v1
kind: Pod
metadata: {name: less}
spec:
  containers: [{name: app, image: `+cluster.ProbeName+`, args: [-fill=/cache/file, -stat=/cache/file]}]
`)
	// What judges the one that writes more then looks at this one too.
	if report, err := c.Report(t.Context(), ns, "less", "app"); err != nil || report.Files["/cache/file"] == "ENOENT" {
		t.Fatalf("it has not written: %v, %v", report.Files, err)
	}
	bedtest.Apply(t, c, ns, `
apiVersion: v1
kind: Pod
metadata: {name: more}
spec:
  containers: [{name: app, image: `+cluster.ProbeName+`, args: [-fill=/tmp/file]}]
`)
	bedtest.Within(t, soon, "the end of the pod", func() error {
		pod, err := c.Client().CoreV1().Pods(ns).Get(t.Context(), "more", metav1.GetOptions{})
		if err == nil && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			err = fmt.Errorf("phase %s", pod.Status.Phase)
		}
		return err
	})
	// The pod gives no reason: its process ends with 0 when it is told to, which the kubelet
	// takes for success.
	var got []string
	bedtest.Within(t, soon, "the event", func() error {
		events, err := c.Client().CoreV1().Events(ns).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=Evicted"})
		if err == nil && len(events.Items) == 0 {
			err = errors.New("there is none")
		}
		if err != nil {
			return err
		}
		for _, e := range events.Items {
			got = append(got, e.InvolvedObject.Name+": "+strings.TrimSpace(e.Message))
		}
		return nil
	})
	want := []string{`more: Usage of EmptyDir volume "caseharden-tmp-e9671acd" exceeds the limit "1Mi".`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("evictions (-want +got):\n%s", diff)
	}
	less, err := c.Client().CoreV1().Pods(ns).Get(t.Context(), "less", metav1.GetOptions{})
	if err != nil || less.Status.Phase != corev1.PodRunning {
		t.Errorf("the other pod is %v, %v", less.Status.Phase, err)
	}
}
