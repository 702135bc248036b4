// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// TestWorkloads has each of the controllers of pods make one.
func TestWorkloads(t *testing.T) {
	ns := namespace(t)
	template := func(app, more string) string {
		return `
    metadata: {labels: {app: ` + app + `}}
    spec:
      ` + more + `
      containers: [{name: app, image: ` + ProbeName + `, args: [-exit=` + fmt.Sprint(strings.Contains(more, "Never")) + `]}]`
	}
	bedtest.Apply(t, c, ns, `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: stateful}
spec:
  selector: {matchLabels: {app: stateful}}
  serviceName: stateful
  template:`+template("stateful", "")+`
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: daemon}
spec:
  selector: {matchLabels: {app: daemon}}
  template:`+template("daemon", "")+`
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: sidecar}
spec:
  selector: {matchLabels: {app: sidecar}}
  template:`+template("sidecar", "initContainers: [{name: beside, restartPolicy: Always, image: "+ProbeName+"}]")+`
---
apiVersion: v1
kind: Service
metadata: {name: stateful}
spec:
  selector: {app: stateful}
  ports: [{port: 80}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: job}
spec:
  template:`+template("job", "restartPolicy: Never")+`
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cron}
spec:
  schedule: "* * * * *"
  jobTemplate:
   spec:
    template:`+strings.ReplaceAll(template("cron", "restartPolicy: Never"), "\n", "\n ")+`
`)
	for _, app := range []string{"stateful", "daemon", "sidecar"} {
		pod, err := c.Pod(t.Context(), ns, "app="+app)
		if err != nil {
			t.Fatal(err)
		}
		if app != "stateful" {
			continue
		}
		bedtest.Within(t, soon, "the endpoints of the Service", func() error {
			slices, err := c.Client().DiscoveryV1().EndpointSlices(ns).List(t.Context(), metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=stateful"})
			if err == nil && (len(slices.Items) != 1 || len(slices.Items[0].Endpoints) != 1 || slices.Items[0].Endpoints[0].Addresses[0] != pod.Status.PodIP) {
				err = fmt.Errorf("%v, want %s", slices.Items, pod.Status.PodIP)
			}
			return err
		})
	}
	for _, app := range []string{"job", "cron"} {
		// A CronJob begins with a minute.
		bedtest.Within(t, time.Minute+soon, "the end of "+app, func() error {
			jobs, err := c.Client().BatchV1().Jobs(ns).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				return err
			}
			for _, job := range jobs.Items {
				if strings.HasPrefix(job.Name, app) && job.Status.Succeeded == 1 {
					return nil
				}
			}
			return fmt.Errorf("jobs %v", jobs.Items)
		})
	}
}

// TestEviction has a disruption budget refuse an eviction, and then allow one.
func TestEviction(t *testing.T) {
	ns := namespace(t)
	bedtest.Apply(t, c, ns, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: `+ProbeName+`}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  minAvailable: 1
  selector: {matchLabels: {app: web}}
`)
	pod, err := c.Pod(t.Context(), ns, "app=web")
	if err != nil {
		t.Fatal(err)
	}
	evict := func() error {
		return c.Client().PolicyV1().Evictions(ns).Evict(t.Context(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: ns}})
	}
	if err := evict(); !apierrors.IsTooManyRequests(err) {
		t.Errorf("eviction of the only replica: %v, want that it is refused", err)
	}
	bedtest.Kubectl(t, c, "", "scale", "--namespace="+ns, "deployment/web", "--replicas=2")
	bedtest.Within(t, soon, "an eviction to be allowed", evict)
	bedtest.Within(t, soon, "the end of the pod", func() error {
		_, err := c.Client().CoreV1().Pods(ns).Get(t.Context(), pod.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it is there, %v", err)
	})
}
