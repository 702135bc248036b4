// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var errNotHardened = errors.New("admitted, but not hardened")

// createPod creates a pod in the namespace that has opted in, and looks whether it is
// hardened. What is not a dry run is deleted again.
func (in *installation) createPod(ctx context.Context, dryRun bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	in.requests.RLock()
	defer in.requests.RUnlock()
	options := metav1.CreateOptions{}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	pods := client.CoreV1().Pods(in.shop)
	pod, err := pods.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: unique("pod")},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
	}, options)
	if err != nil {
		return err
	}
	security := pod.Spec.Containers[0].SecurityContext
	if pod.Annotations["caseharden.io/injected"] == "" || security == nil || security.RunAsNonRoot == nil || !*security.RunAsNonRoot {
		return fmt.Errorf("%w: %v", errNotHardened, security)
	}
	if !dryRun {
		// Nothing depends on it: there are just not to be thousands of pods.
		_ = pods.Delete(ctx, pod.Name, *metav1.NewDeleteOptions(0))
	}
	return nil
}

// A load creates pods all the time.
type load struct {
	stop func()

	mu       sync.Mutex // guards the following
	created  int
	retried  map[string]int // by error
	failures []string
}

// startLoad creates pods until stop is called. An error is a failure, unless forgiven
// says that the client is to try again.
func (in *installation) startLoad(forgiven func(err error, begun time.Time) bool) *load {
	l := &load{retried: map[string]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	l.stop = func() { cancel(); workers.Wait() }
	worker := func(pause time.Duration, dryRun bool) {
		workers.Go(func() {
			every(ctx, pause, func() {
				begun := time.Now()
				l.count(in.createPod(context.WithoutCancel(ctx), dryRun), begun, forgiven)
			})
		})
	}
	worker(30*time.Millisecond, true)
	worker(100*time.Millisecond, false)
	return l
}

func (l *load) count(err error, begun time.Time, forgiven func(error, time.Time) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.created++
	case !errors.Is(err, errNotHardened) && !isTLS(err) && forgiven(err, begun):
		message := err.Error()
		l.retried[message[max(0, len(message)-120):]]++
	default:
		l.failures = append(l.failures, fmt.Sprintf("%s, begun %s: %v", time.Now().Format("15:04:05.000"), begun.Format("15:04:05.000"), err))
	}
}

// finish ends the load and judges it.
func (l *load) finish(t *testing.T) {
	t.Helper()
	l.stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Logf("%d pods were created", l.created)
	for message, n := range l.retried {
		t.Logf("%d creates were tried again: … %s", n, message)
	}
	for i, failure := range l.failures {
		if i == 5 {
			break
		}
		t.Error(failure)
	}
	if len(l.failures) > 0 {
		t.Errorf("%d creates failed", len(l.failures))
	}
	if l.created == 0 {
		t.Error("there was no load")
	}
}

func nothingForgiven(error, time.Time) bool { return false }

// isTLS reports whether an error is about a certificate.
func isTLS(err error) bool {
	return strings.Contains(err.Error(), "x509") || strings.Contains(err.Error(), "tls:") || strings.Contains(err.Error(), "certificate")
}

// isWebhookFailure reports whether the API server has refused a pod because it could not
// call the webhook.
func isWebhookFailure(err error) bool {
	return apierrors.IsInternalError(err) && strings.Contains(err.Error(), "failed calling webhook")
}

// cutByKill forgives a create whose connection was cut by a SIGKILL, which no replica
// can prevent. The API server does not call again by itself; a controller creates the
// pod again.
func (in *installation) cutByKill(err error, begun time.Time) bool {
	const after = 2 * time.Second
	cut := false
	for _, text := range []string{"EOF", "connection reset by peer", "connection refused", "client connection lost", "broken pipe"} {
		cut = cut || strings.Contains(err.Error(), text)
	}
	if !cut || !isWebhookFailure(err) {
		return false
	}
	for _, r := range in.replicas {
		if r.KilledAfter(begun.Add(-after)) {
			return true
		}
	}
	return false
}

// away forgives what the API server does not answer, and what it answers before it is
// ready again.
func away(err error, _ time.Time) bool { return !isWebhookFailure(err) }
