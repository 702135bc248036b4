// SPDX-License-Identifier: Apache-2.0

package trial_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/trial"
	"github.com/caseharden/caseharden/trial/plan"
)

// A container that works now and then does not pass the proof.
func TestTrialDoesNotTrustOneSuccess(t *testing.T) {
	t.Parallel()
	starts := map[string]int{}
	app := func(c corev1.Container, pod *corev1.Pod) ending {
		if !canWrite(c, "/tmp/x") {
			return crash("open /tmp/x: read-only file system")
		}
		if c.SecurityContext == nil || c.SecurityContext.ReadOnlyRootFilesystem == nil {
			return ending{}
		}
		// With the emptyDir it works in the search, and never in a proof.
		starts[pod.Name]++
		if pod.Labels[plan.CopyLabel] == "proof" {
			return crash("lock file is stale")
		}
		return ending{}
	}
	r, _, _ := try(t, app, trial.Options{Rounds: 6}, nil)
	if r.Conclusion != trial.ExceptionsFound || instead(r)["readOnlyRootFilesystem"] != "without readOnlyRootFilesystem" {
		t.Errorf("conclusion = %s: %s; instead %v, want the root left writable", r.Conclusion, r.Sentence, instead(r))
	}
}

// What a first start leaves in an emptyDir keeps the second one from starting: the kubelet
// may report such a container as ready all the time until then.
func TestTrialProvesASecondStart(t *testing.T) {
	t.Parallel()
	app := func(c corev1.Container, _ *corev1.Pod) ending {
		switch {
		case !canWrite(c, "/run/app.pid"):
			return crash("open /run/app.pid: read-only file system")
		case len(c.VolumeMounts) > 0:
			return ending{again: "the lock is there already"}
		}
		return ending{}
	}
	r, _, _ := try(t, app, trial.Options{Rounds: 6}, nil)
	if r.Conclusion != trial.ExceptionsFound || instead(r)["readOnlyRootFilesystem"] != "without readOnlyRootFilesystem" {
		t.Errorf("conclusion = %s: %s; instead %v, want the root left writable", r.Conclusion, r.Sentence, instead(r))
	}
}

func TestTrialExercises(t *testing.T) {
	t.Parallel()
	fine := func(corev1.Container, *corev1.Pod) ending { return ending{} }
	serves := func(f *fakeCluster) {
		f.serves = func(pod *corev1.Pod) (int, string) {
			if canWrite(pod.Spec.Containers[0], "/data/x") {
				return 0, ""
			}
			return 1, "cannot save"
		}
	}
	r, _, _ := try(t, fine, trial.Options{Exec: []string{"save"}}, serves)
	if r.Conclusion != trial.ExceptionsFound || instead(r)["readOnlyRootFilesystem"] == "" {
		t.Errorf("conclusion = %s: %s; instead %v, want a writable root", r.Conclusion, r.Sentence, instead(r))
	}
	r, _, _ = try(t, fine, trial.Options{}, serves)
	if r.Conclusion != trial.AllWork || !strings.Contains(strings.Join(r.Notes, " "), "Nothing was exercised") {
		t.Errorf("conclusion = %s, notes %q, want that nothing was exercised", r.Conclusion, r.Notes)
	}
}

// A server that is ready before it serves, as one without a readiness probe is, is given as
// much time as the control takes.
func TestTrialWaitsUntilItServes(t *testing.T) {
	t.Parallel()
	app := func(c corev1.Container, _ *corev1.Pod) ending {
		if !canWrite(c, "/tmp/x") {
			return crash("open /tmp/x: read-only file system")
		}
		return ending{}
	}
	r, _, _ := try(t, app, trial.Options{Exec: []string{"save"}}, func(f *fakeCluster) {
		f.serves = func(pod *corev1.Pod) (int, string) {
			if up := time.Since(f.pods[pod.Name].begun); pod.Spec.Containers[0].LivenessProbe == nil && up < 50*time.Second {
				return 1, "the database is starting up"
			}
			return 0, ""
		}
	})
	if r.Conclusion != trial.ExceptionsFound || instead(r)["readOnlyRootFilesystem"] != "writable /tmp" {
		t.Errorf("conclusion = %s: %s; instead %v, want /tmp writable", r.Conclusion, r.Sentence, instead(r))
	}
}
