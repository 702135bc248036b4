// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package trial

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// needsTmp works with an emptyDir at /tmp: a trial of it takes all steps.
const needsTmp = `"-write=/tmp/x"`

// soon is how long what takes seconds may take, on a machine that is busy.
const soon = time.Minute

// running starts a trial, and returns when its first copy is there.
func running(t *testing.T, ns string, args ...string) (wait func() result, signal func(os.Signal)) {
	t.Helper()
	cmd := command(append([]string{"trial", "deployment/app", "-n", ns, "--yes", "-o", "json", "--hold=20s"}, args...)...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return func() result {
			<-done
			t.Logf("exit code %d\n%s", cmd.ProcessState.ExitCode(), out.String())
			return result{code: cmd.ProcessState.ExitCode(), stdout: out.String()}
		}, func(s os.Signal) {
			if err := cmd.Process.Signal(s); err != nil {
				t.Error(err)
			}
		}
}

func application(t *testing.T, name, args string) string {
	t.Helper()
	ns := bedtest.Namespace(t, c, name, nil)
	bedtest.Apply(t, c, ns, deployment(rootImage, args))
	if _, err := c.Pod(t.Context(), ns, "app=app"); err != nil {
		t.Fatal(err)
	}
	return ns
}

func someLeft(t *testing.T, ns string, want bool) error {
	if names := left(t, ns); (len(names) > 0) != want {
		return fmt.Errorf("copies %q", names)
	}
	return nil
}

// Killed with SIGKILL it can clean nothing up: then the copies have a deadline of their own,
// and --clean removes them.
func TestSIGKILL(t *testing.T) {
	t.Parallel()
	ns := application(t, "sigkill", needsTmp)
	wait, signal := running(t, ns)
	bedtest.Within(t, soon, "a copy", func() error { return someLeft(t, ns, true) })
	signal(syscall.SIGKILL)
	wait()
	pods, err := c.Client().CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{LabelSelector: "caseharden.io/trial"})
	if err != nil || len(pods.Items) == 0 {
		t.Fatal(err, "no copy is left")
	}
	for _, pod := range pods.Items {
		if d := pod.Spec.ActiveDeadlineSeconds; d == nil || *d > 600 {
			t.Errorf("%s: activeDeadlineSeconds = %v, want at most 600", pod.Name, d)
		}
	}
	if r := finished(t, command("trial", "--clean", "-n", ns)); r.code != 0 || !strings.Contains(r.stdout, "deleted in namespace "+ns) {
		t.Errorf("exit code %d: %s", r.code, r.stdout)
	}
	if names := left(t, ns); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
	if len(own(t, ns)) != 1 {
		t.Error("--clean deletes pods that are no copies")
	}
}

// The copies of a workload that a Service, a budget, an autoscaler and a policy select: no
// endpoint is ever a copy, and the ReplicaSet keeps its number of pods.
func TestNobodyTakesACopyForItsOwn(t *testing.T) {
	t.Parallel()
	ns := application(t, "selected", needsTmp)
	bedtest.Apply(t, c, ns, `
apiVersion: v1
kind: Service
metadata: {name: app}
spec: {selector: {app: app}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: headless}
spec: {clusterIP: None, publishNotReadyAddresses: true, selector: {app: app}, ports: [{port: 80}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: app}
spec: {minAvailable: 1, selector: {matchLabels: {app: app}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: app}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: app}, maxReplicas: 3}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: hungry}
spec:
  replicas: 0
  selector: {app: app}
  template:
    metadata: {labels: {app: app}}
    spec: {containers: [{name: app, image: images.test/actor:1}]}
`)
	before := own(t, ns)
	stop := watchOwners(t, ns)
	r := try(t, "deployment/app", "-n", ns)
	if faults := stop(); len(faults) > 0 {
		t.Errorf("copies were taken: %q", faults)
	}
	if r.code != 2 {
		t.Errorf("exit code %d, want 2: %s", r.code, r.report.Sentence)
	}
	for uid := range before {
		if _, there := own(t, ns)[uid]; !there {
			t.Error("the workload's pod is gone")
		}
	}
}

// watchOwners looks, until stop is called, whether a copy has an owner or is an endpoint.
func watchOwners(t *testing.T, ns string) (stop func() []string) {
	t.Helper()
	faults := map[string]bool{}
	pods, err := c.Client().CoreV1().Pods(ns).Watch(t.Context(), metav1.ListOptions{LabelSelector: "caseharden.io/trial"})
	if err != nil {
		t.Fatal(err)
	}
	slices, err := c.Client().DiscoveryV1().EndpointSlices(ns).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	stopping := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stopping:
				return
			case event := <-pods.ResultChan():
				if pod, ok := event.Object.(*corev1.Pod); ok && len(pod.OwnerReferences) > 0 {
					faults["owner of "+pod.Name] = true
				}
			case event := <-slices.ResultChan():
				slice, ok := event.Object.(*discoveryv1.EndpointSlice)
				if !ok {
					continue
				}
				for _, e := range slice.Endpoints {
					if e.TargetRef != nil && strings.HasPrefix(e.TargetRef.Name, "caseharden-trial-") {
						faults["endpoint "+e.TargetRef.Name+" of "+slice.Labels[discoveryv1.LabelServiceName]] = true
					}
				}
			}
		}
	}()
	return func() []string {
		close(stopping)
		<-done
		pods.Stop()
		slices.Stop()
		var all []string
		for fault := range faults {
			all = append(all, fault)
		}
		return all
	}
}

// An API server that is killed meanwhile is waited for.
func TestAPIServerRestarts(t *testing.T) {
	ns := application(t, "restart", needsTmp)
	wait, _ := running(t, ns)
	bedtest.Within(t, soon, "a copy", func() error { return someLeft(t, ns, true) })
	if err := c.RestartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := wait(); r.code != 2 {
		t.Errorf("exit code %d, want 2", r.code)
	}
	if names := left(t, ns); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
}
