// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
	"github.com/caseharden/caseharden/e2e/testbed/debian"
	"github.com/caseharden/caseharden/e2e/testbed/workload"
)

// atOnce is how many workloads run at the same time.
const atOnce = 12

// A runner runs variants of applications, each once.
type runner struct {
	begin   func() error // sets cluster, once, for the first run that the journal does not have
	cluster *cluster.Cluster
	journal *journal
	log     io.Writer
	slots   chan struct{}
	runs    atomic.Int64
}

// An appRunner runs those of one application.
type appRunner struct {
	*runner
	app   catalogue.App
	image debian.Image
	load  func() error // once
}

func (r *runner) forApp(ctx context.Context, app catalogue.App, image debian.Image) *appRunner {
	return &appRunner{runner: r, app: app, image: image, load: sync.OnceValue(func() error {
		return r.cluster.LoadArchive(ctx, image.Archive, image.Name)
	})}
}

// try reports whether the application serves under each of the variants.
func (a *appRunner) try(ctx context.Context, variants ...catalogue.Variant) ([]bool, error) {
	works, errs := make([]bool, len(variants)), make([]error, len(variants))
	var group sync.WaitGroup
	for i, v := range variants {
		group.Go(func() {
			var e entry
			e, errs[i] = a.run(ctx, v)
			works[i] = e.Outcome.Works
		})
	}
	group.Wait()
	return works, errors.Join(errs...)
}

func (a *appRunner) run(ctx context.Context, v catalogue.Variant) (entry, error) {
	if e, found := a.journal.get(a.app, v); found {
		return e, nil
	}
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return entry{}, ctx.Err()
	}
	if err := a.begin(); err != nil {
		return entry{}, err
	}
	if err := a.load(); err != nil {
		return entry{}, err
	}
	e := entry{App: a.app.Name, Digest: a.app.Digest(), Variant: v.String()}
	w, err := a.workload(v)
	if err != nil {
		return e, err
	}
	if len(v.Settings) == 0 {
		w.Look = func(ctx context.Context, pod *corev1.Pod) error { return a.look(ctx, pod, &e) }
	}
	begun := time.Now()
	if e.Outcome, err = workload.Run(ctx, a.cluster, w); err != nil {
		return e, fmt.Errorf("%s, %s: %w", a.app.Name, v, err)
	}
	word := "serves"
	if !e.Outcome.Works {
		word = "FAILS: " + strings.ReplaceAll(e.Outcome.How, "\n", " ")
	}
	fmt.Fprintf(a.log, "%s, %s (%s): %.160s\n", a.app.Name, v, time.Since(begun).Round(100*time.Millisecond), word)
	return e, a.journal.add(e)
}

// workload returns what runs a variant.
func (a *appRunner) workload(v catalogue.Variant) (workload.Workload, error) {
	d, err := a.app.Deployment()
	if err != nil {
		return workload.Workload{}, err
	}
	spec := &d.Spec.Template.Spec
	v.Apply(spec)
	spec.TerminationGracePeriodSeconds = new(int64(1)) // nothing of it is kept
	return workload.Workload{
		Namespace:  fmt.Sprintf("%s-%d", a.app.Name, a.runs.Add(1)),
		Objects:    a.app.Objects,
		Deployment: d,
		Checks:     a.app.Check,
		Patience:   a.app.Patience(),
	}, nil
}

// look finds out where the application writes, as whom it runs, and what its live status is.
func (a *appRunner) look(ctx context.Context, pod *corev1.Pod, e *entry) error {
	root, err := a.cluster.RootFS(ctx, pod.Status.ContainerStatuses[0].ContainerID)
	if err != nil {
		return err
	}
	if e.Written, err = findWritten(root); err != nil {
		return err
	}
	if user := pod.Status.ContainerStatuses[0].User; user != nil && user.Linux != nil {
		e.User = user.Linux.UID
	}
	e.Live, err = a.live(ctx, pod)
	return err
}

// live returns the pod and the ReplicaSet that owns it, as kubectl get -o json does, in the
// namespace of the manifest.
func (a *appRunner) live(ctx context.Context, pod *corev1.Pod) ([]byte, error) {
	sets, err := a.cluster.Client().AppsV1().ReplicaSets(pod.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	pod = pod.DeepCopy()
	pod.APIVersion, pod.Kind, pod.Namespace, pod.ManagedFields = "v1", "Pod", a.app.Name, nil
	items := []any{pod}
	for _, set := range sets.Items {
		set.APIVersion, set.Kind, set.Namespace, set.ManagedFields = "apps/v1", "ReplicaSet", a.app.Name, nil
		items = append(items, set)
	}
	return json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
}
