// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
)

// A load has pods created all the time, in a namespace that enforces the profile hardened:
// directly, as a user does, and by the controllers of Deployments. Most of them are gated,
// so that no scheduler looks at them: to run dozens a second is not what is tested.
type load struct {
	namespace string
	audit     int64     // where in the audit log it begins
	stop      func()    // ends all but the watch
	unwatch   func()    // ends that
	begun     time.Time // when the fault began

	mu        sync.Mutex // guards the following
	direct    []creation
	seen      map[types.UID]bool
	violation []string
}

const (
	scaled, full = 3, 5 // Deployments that are scaled up and down, and how far up
	loaded       = 50   // creates after which a load is steady

	loadManifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 1
      schedulingGates: %[3]s
      containers: [{name: app, image: ` + cluster.ProbeName + `}]
---
`
	gated = "[{name: example.com/load}]"
)

// startLoad returns once the load is steady. It ends with the test, if not before.
func startLoad(t *testing.T, name string) *load {
	t.Helper()
	waitReplicas(t) // after another test
	l := &load{namespace: bedtest.Namespace(t, c, name, enforcing("hardened")), seen: map[types.UID]bool{}}
	audit, err := os.Stat(c.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	l.audit = audit.Size()

	var watching sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	l.unwatch = func() { cancel(); watching.Wait() }
	t.Cleanup(l.unwatch)
	watching.Go(func() { l.watch(ctx) })

	manifest := fmt.Sprintf(loadManifest, "rolled", 2, "[]")
	for i := range scaled {
		manifest += fmt.Sprintf(loadManifest, fmt.Sprintf("scaled-%d", i), 0, gated)
	}
	bedtest.Apply(t, c, l.namespace, manifest)

	l.start(t)
	bedtest.Within(t, time.Minute, "a steady load", func() error {
		if done := l.creates(); done < loaded {
			return fmt.Errorf("%d creates", done)
		}
		return l.available(t.Context(), "rolled", 2)
	})
	return l
}

func (l *load) start(t *testing.T) {
	var workers sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = func() { cancel(); workers.Wait() }
	t.Cleanup(l.stop)
	workers.Go(func() {
		every(ctx, 50*time.Millisecond, func(int) {
			// Users do not wait for each other.
			workers.Go(func() { l.create(context.WithoutCancel(ctx)) })
		})
	})
	for i := range scaled {
		workers.Go(func() {
			every(ctx, 400*time.Millisecond, func(n int) { l.scale(ctx, fmt.Sprintf("scaled-%d", i), n%2*full) })
		})
	}
	workers.Go(func() { every(ctx, 3*time.Second, func(n int) { l.roll(ctx, "rolled", n) }) })
}

// every calls do, with 1, 2, …, and pauses after each call.
func every(ctx context.Context, pause time.Duration, do func(n int)) {
	for n := 1; ctx.Err() == nil; n++ {
		do(n)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// create creates a pod as a user does, who does not try again, and deletes it.
func (l *load) create(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	pods := c.Client().CoreV1().Pods(l.namespace)
	begun := time.Now()
	pod, err := pods.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "direct-"},
		Spec: corev1.PodSpec{
			SchedulingGates: []corev1.PodSchedulingGate{{Name: "example.com/load"}},
			Containers:      []corev1.Container{{Name: "app", Image: "app"}},
		},
	}, metav1.CreateOptions{})
	l.count(creation{begun: begun, ended: time.Now(), err: text(err)})
	if err == nil {
		l.look(pod)
		// Nothing depends on it: there are just not to be thousands of pods.
		_ = pods.Delete(ctx, pod.Name, *metav1.NewDeleteOptions(0))
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (l *load) count(one creation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.direct = append(l.direct, one)
}

func (l *load) creates() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.direct)
}

func (l *load) scale(ctx context.Context, name string, replicas int) {
	l.patch(ctx, name, fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas))
}

// roll replaces the pods of a Deployment, as kubectl rollout restart does.
func (l *load) roll(ctx context.Context, name string, n int) {
	l.patch(ctx, name, fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"n":"%d"}}}}}`, n))
}

// patch changes a Deployment, unless the API server is away: there will be another change.
func (l *load) patch(ctx context.Context, name, patch string) {
	_, _ = c.Client().AppsV1().Deployments(l.namespace).Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
}

// goOn waits until so many more pods were created, or could not be.
func (l *load) goOn(t *testing.T, more int) {
	t.Helper()
	before := l.creates()
	bedtest.Within(t, time.Minute, "more pods", func() error {
		if done := l.creates() - before; done < more {
			return fmt.Errorf("%d more", done)
		}
		return nil
	})
}

// fault is called as the fault begins.
func (l *load) fault() { l.begun = time.Now() }

// finish ends the load. No pod may have been admitted unhardened, and no create may have
// failed for good: every Deployment gets all of its pods.
func (l *load) finish(t *testing.T) tally {
	t.Helper()
	l.goOn(t, loaded)
	l.stop()
	for i := range scaled {
		name := fmt.Sprintf("scaled-%d", i)
		bedtest.Within(t, time.Minute, "the replicas of "+name, func() error {
			l.scale(t.Context(), name, full)
			return l.there(t.Context(), name, full)
		})
	}
	bedtest.Within(t, time.Minute, "the replicas of rolled", func() error {
		return errors.Join(l.there(t.Context(), "rolled", 2), l.available(t.Context(), "rolled", 2))
	})

	o := l.tally(t)
	t.Log(o)
	if o.controllers.creates == 0 {
		t.Error("the audit log tells of no create by a controller")
	}
	l.unwatch()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, violation := range l.violation {
		t.Error(violation)
	}
	return o
}

// there returns an error until a Deployment has its pods.
func (l *load) there(ctx context.Context, name string, replicas int32) error {
	d, err := c.Client().AppsV1().Deployments(l.namespace).Get(ctx, name, metav1.GetOptions{})
	if err == nil && (d.Status.ObservedGeneration != d.Generation || d.Status.Replicas != replicas || d.Status.UpdatedReplicas != replicas) {
		err = fmt.Errorf("%+v", d.Status)
	}
	return err
}

// available returns an error until a Deployment has pods that run.
func (l *load) available(ctx context.Context, name string, replicas int32) error {
	d, err := c.Client().AppsV1().Deployments(l.namespace).Get(ctx, name, metav1.GetOptions{})
	if err == nil && d.Status.AvailableReplicas < replicas {
		err = fmt.Errorf("%+v", d.Status)
	}
	return err
}
