// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// TestCapacity creates a thousand pods as fast as the API server takes them, and says what
// that took of the replicas: the figures in docs/operations.md. None of these pods runs, as
// no node is as they want it. All are hardened.
func TestCapacity(t *testing.T) {
	const pods, workers = 1000, 16
	ns := bedtest.Namespace(t, c, "capacity", enforcing("hardened"))
	entry := map[string]string{"name": "enforce-hardened.caseharden.io"}
	before, apiBefore := replicaMetrics(t), apiServerMetrics(t)

	began := time.Now()
	failures := createPods(t, ns, pods, workers)
	took := time.Since(began)
	for _, failure := range failures {
		t.Error(failure)
	}
	after, apiAfter := replicaMetrics(t), apiServerMetrics(t)

	t.Logf("%d pods in %s: %.0f a second", pods, took.Round(time.Millisecond), pods/took.Seconds())
	var cpu, reviews float64
	for i := range after {
		seconds := after[i].value("process_cpu_seconds_total", nil) - before[i].value("process_cpu_seconds_total", nil)
		_, now := after[i].counts("caseharden_request_duration_seconds", nil)
		_, earlier := before[i].counts("caseharden_request_duration_seconds", nil)
		cpu, reviews = cpu+seconds, reviews+float64(now-earlier)
		t.Logf("a replica: %d reviews, %.2f s of CPU, %.1f MiB resident", now-earlier, seconds, after[i].value("process_resident_memory_bytes", nil)/(1<<20))
	}
	t.Logf("CPU a review: %.3f ms", 1000*cpu/reviews)
	for name, each := range map[string]struct{ before, after []families }{
		"caseharden_request_duration_seconds":                    {before, after},
		"apiserver_admission_webhook_admission_duration_seconds": {[]families{apiBefore}, []families{apiAfter}},
	} {
		labels := map[string]string{"mode": "enforce"}
		if strings.HasPrefix(name, "apiserver_") {
			labels = entry
		}
		t.Logf("%s: %s", name, shares(each.before, each.after, name, labels))
	}
	if reviews < pods {
		t.Errorf("%v reviews of %d pods", reviews, pods)
	}
}

// createPods creates pods, and returns what went wrong: an error, or a pod that is not
// hardened.
func createPods(t *testing.T, namespace string, pods, workers int) (failures []string) {
	t.Helper()
	config := c.Config() // without a limit of its own
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "legacy-", Labels: map[string]string{"app": "legacy"}},
		Spec: corev1.PodSpec{
			NodeSelector: map[string]string{"example.com/node": "none"},
			Containers:   []corev1.Container{{Name: "app", Image: "images.test/app:1"}, {Name: "sidecar", Image: "images.test/sidecar:1"}},
		},
	}
	next := make(chan int)
	var mu sync.Mutex // guards failures
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range next {
				created, err := client.CoreV1().Pods(namespace).Create(context.Background(), pod.DeepCopy(), metav1.CreateOptions{})
				if err == nil && lacking(created) != "" {
					err = fmt.Errorf("%s is not hardened: %s", created.Name, lacking(created))
				}
				if err != nil {
					mu.Lock()
					failures = append(failures, err.Error())
					mu.Unlock()
				}
			}
		})
	}
	for i := range pods {
		next <- i
	}
	close(next)
	all.Wait()
	return failures
}

// shares says which share of the observations between two scrapes was at most as large as
// each bound that makes a difference.
func shares(before, after []families, name string, labels map[string]string) string {
	atMost := map[float64]uint64{}
	var all uint64
	for i := range after {
		now, n := after[i].counts(name, labels)
		earlier, m := before[i].counts(name, labels)
		for bound := range now {
			atMost[bound] += now[bound] - earlier[bound]
		}
		all += n - m
	}
	var said []string
	last := uint64(0)
	for _, bound := range slices.Sorted(maps.Keys(atMost)) {
		if atMost[bound] != last {
			said = append(said, fmt.Sprintf("%.1f %% within %g ms", 100*float64(atMost[bound])/float64(all), 1000*bound))
			last = atMost[bound]
		}
	}
	return strings.Join(said, ", ")
}
