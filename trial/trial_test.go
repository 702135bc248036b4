// SPDX-License-Identifier: Apache-2.0

package trial_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/caseharden/caseharden/mutate"
	"github.com/caseharden/caseharden/trial"
	"github.com/caseharden/caseharden/trial/watch"
)

func TestTrialCannotTell(t *testing.T) {
	t.Parallel()
	fine := func(corev1.Container, *corev1.Pod) ending { return ending{} }
	for _, test := range []struct {
		name  string
		app   application
		tweak func(*fakeCluster)
		want  string
	}{
		{"the control fails", func(corev1.Container, *corev1.Pod) ending { return crash("no database") }, nil, "no database"},
		{"a quota without room", fine, func(f *fakeCluster) { f.refuse = refuseAll("exceeded quota: pods") }, "quota has no room"},
		{"Pod Security", fine, func(f *fakeCluster) { f.refuse = refuseAll(`violates PodSecurity "restricted:latest"`) }, "Pod Security Standard"},
		{"a webhook", fine, func(f *fakeCluster) { f.refuse = refuseAll(`admission webhook "x" denied the request`) }, "admission webhook"},
		{"a namespace that enforces", fine, func(f *fakeCluster) {
			f.change = func(o *unstructured.Unstructured) {
				o.SetAnnotations(map[string]string{mutate.InjectedAnnotation: "{}"})
				containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "containers")
				containers[0].(map[string]any)["securityContext"] = map[string]any{"runAsUser": int64(10001)}
				_ = unstructured.SetNestedSlice(o.Object, containers, "spec", "containers")
			}
		}, "enforces a profile already"},
		{"admission of others", fine, func(f *fakeCluster) {
			f.change = func(o *unstructured.Unstructured) {
				containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "containers")
				containers[0].(map[string]any)["securityContext"] = map[string]any{"runAsUser": int64(1)}
				_ = unstructured.SetNestedSlice(o.Object, containers, "spec", "containers")
			}
		}, "admission of the cluster changes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, _, _ := try(t, test.app, trial.Options{}, test.tweak)
			if r.Conclusion != trial.CannotTell || !strings.Contains(r.Sentence, test.want) {
				t.Errorf("conclusion = %s: %s, want cannot tell with %q", r.Conclusion, r.Sentence, test.want)
			}
		})
	}
}

func refuseAll(message string) func(*corev1.Pod) error {
	return func(*corev1.Pod) error { return errors.New(message) }
}

// A quota for two pods makes the trial slower, and changes nothing else.
func TestTrialTakesTurnsUnderAQuota(t *testing.T) {
	t.Parallel()
	app := func(c corev1.Container, _ *corev1.Pod) ending {
		if !canWrite(c, "/tmp/x") {
			return crash("open /tmp/x: read-only file system")
		}
		return ending{}
	}
	r, f, _ := try(t, app, trial.Options{}, func(f *fakeCluster) { f.quota = 2 })
	if r.Conclusion != trial.ExceptionsFound || f.most > 2 {
		t.Errorf("conclusion = %s: %s; %d copies at once, want exceptions with at most 2", r.Conclusion, r.Sentence, f.most)
	}
	for _, run := range r.Runs {
		if run.Outcome == watch.CannotTell {
			t.Errorf("%s: %s: %s, and it could have waited", run.What, run.Why, run.Line)
		}
	}
}

// Copies that could not be deleted one by one are deleted by their label at the end.
func TestTrialCleansUpByLabel(t *testing.T) {
	t.Parallel()
	fine := func(corev1.Container, *corev1.Pod) ending { return ending{} }
	if r, _, _ := try(t, fine, trial.Options{MaxPods: 4}, func(f *fakeCluster) { f.deaf = true }); r.Conclusion != trial.AllWork {
		t.Errorf("conclusion = %s: %s", r.Conclusion, r.Sentence)
	}
}

// An API server that is away for ten seconds is waited for.
func TestTrialOutlastsTheAPIServer(t *testing.T) {
	t.Parallel()
	app := func(c corev1.Container, _ *corev1.Pod) ending {
		if !canWrite(c, "/tmp/x") {
			return crash("open /tmp/x: read-only file system")
		}
		return ending{}
	}
	r, _, _ := try(t, app, trial.Options{}, func(f *fakeCluster) {
		begun := time.Now()
		f.away = func(now time.Time) bool {
			return now.After(begun.Add(5*time.Second)) && now.Before(begun.Add(15*time.Second))
		}
	})
	if r.Conclusion != trial.ExceptionsFound {
		t.Errorf("conclusion = %s: %s", r.Conclusion, r.Sentence)
	}
}

// Whenever a trial is interrupted, it leaves nothing, and says what it knows.
func TestTrialIsInterrupted(t *testing.T) {
	t.Parallel()
	app := func(c corev1.Container, _ *corev1.Pod) ending {
		if !canWrite(c, "/tmp/x") {
			return crash("open /tmp/x: read-only file system")
		}
		return ending{}
	}
	for after := time.Duration(0); after < 90*time.Second; after += 3 * time.Second {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeCluster{apps: map[string]application{"web": app}}
			tr := newTrial(t, f, deployment("web"), trial.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			r := tr.Run(ctx)
			if len(f.pods) > 0 {
				t.Errorf("after %s: %d copies are left", after, len(f.pods))
			}
			if r.Conclusion != trial.Interrupted && r.Conclusion != trial.ExceptionsFound {
				t.Errorf("after %s: conclusion = %s: %s", after, r.Conclusion, r.Sentence)
			}
			if len(r.Settings) != 6 {
				t.Errorf("after %s: %d settings, want six", after, len(r.Settings))
			}
		})
	}
}

func TestTrialOfWhatSetsEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakeCluster{apps: map[string]application{}}
		text := strings.Replace(deployment("web"), "image:", "securityContext: {runAsUser: 1, runAsNonRoot: true, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}, image:", 1)
		r := newTrial(t, f, text, trial.Options{}).Run(t.Context())
		if r.Conclusion != trial.AllWork || f.created > 0 {
			t.Errorf("conclusion = %s, %d copies, want none", r.Conclusion, f.created)
		}
	})
}
