// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/caseharden/caseharden/trial/watch"
)

// create creates a copy. While a quota has no room, it waits as long as other copies of the
// trial take some.
func (t *Trial) create(ctx context.Context, pod *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	for {
		created, err := t.Cluster.Create(ctx, pod)
		switch {
		case err == nil:
			t.alive.Add(1)
			return created, nil
		case apierrors.IsAlreadyExists(err):
			return nil, fmt.Errorf("a pod named %s is there already: %w", pod.GetName(), err)
		case isTransient(err), isQuota(err) && t.makesRoom():
		default:
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pollInterval):
		}
	}
}

// leaving is how long a copy that was deleted may still count in a quota.
const leaving = 20 * time.Second

// makesRoom reports whether a copy of the trial is there, or was until just now: its place in
// a quota will be free.
func (t *Trial) makesRoom() bool {
	return t.alive.Load() > 0 || time.Since(time.Unix(t.removed.Load(), 0)) < leaving
}

func isQuota(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota")
}

// isTransient reports whether an error says nothing about the request: the API server is
// away, or busy.
func isTransient(err error) bool {
	if apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsTimeout(err) {
		return true
	}
	_, isStatus := err.(apierrors.APIStatus)
	return !isStatus
}

// refusedCopy says why the API server refused a copy.
func refusedCopy(err error) watch.Judgement {
	why := "the API server refuses the copy"
	switch message := err.Error(); {
	case isQuota(err):
		why = "the namespace's quota has no room for a copy"
	case strings.Contains(message, "violates PodSecurity"):
		why = "the namespace enforces a Pod Security Standard that the workload does not meet as it is"
	case strings.Contains(message, "admission webhook"):
		why = "an admission webhook of the cluster refuses the copy"
	case strings.Contains(message, "ValidatingAdmissionPolicy"):
		why = "an admission policy of the cluster refuses the copy"
	case apierrors.IsForbidden(err):
		why = "you may not create the copy, or a LimitRange or another admission plugin refuses it"
	}
	return watch.Judgement{Outcome: watch.CannotTell, Why: why, Line: err.Error()}
}

// remove deletes a copy, also after the context has ended.
func (t *Trial) remove(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_ = t.Cluster.Delete(ctx, name) // what is left is deleted by its label at the end
	t.removed.Store(time.Now().Unix())
	t.alive.Add(-1)
}
