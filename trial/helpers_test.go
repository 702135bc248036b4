// SPDX-License-Identifier: Apache-2.0

package trial_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caseharden/caseharden/trial"
	"github.com/caseharden/caseharden/trial/plan"
	"github.com/caseharden/caseharden/trial/trialtest"
)

func newWorkload(t *testing.T, text string) *plan.Workload {
	t.Helper()
	kind, o := trialtest.Object(t, text)
	w, err := plan.NewWorkload(kind, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func deployment(containers ...string) string {
	var list []string
	for _, name := range containers {
		list = append(list, fmt.Sprintf("{name: %s, image: registry.example.com/%s:1}", name, name))
	}
	return "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [" + strings.Join(list, ", ") + "]}}}}"
}

func newTrial(t *testing.T, f *fakeCluster, text string, o trial.Options) *trial.Trial {
	t.Helper()
	p, refused, err := plan.New(newWorkload(t, text), trialtest.Hardened(t), plan.Surroundings{}, plan.Options{}, "id", 10*time.Minute)
	if err != nil || len(refused) > 0 {
		t.Fatal(err, refused)
	}
	f.t, f.pods = t, map[string]*fakePod{}
	if o.MaxPods == 0 {
		o.MaxPods = 4
	}
	o.Hold, o.Timeout, o.Name = 30*time.Second, 2*time.Minute, "web"
	if o.Rounds == 0 {
		o.Rounds = 4
	}
	tr, err := trial.New(p, f, o)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// try runs a trial of one container, in a time of its own.
func try(t *testing.T, app application, o trial.Options, tweak func(*fakeCluster)) (r *trial.Report, f *fakeCluster, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f = &fakeCluster{apps: map[string]application{"web": app}}
		if tweak != nil {
			tweak(f)
		}
		tr := newTrial(t, f, deployment("web"), o)
		begun := time.Now()
		r = tr.Run(t.Context())
		took = time.Since(begun)
		if len(f.pods) > 0 {
			t.Errorf("%d copies are left", len(f.pods))
		}
		if f.most > 4 {
			t.Errorf("%d copies ran at the same time, want at most 4", f.most)
		}
	})
	return r, f, took
}

// instead returns what differs, by setting.
func instead(r *trial.Report) map[string]string {
	got := map[string]string{}
	for _, s := range r.Settings {
		if s.Instead != "" {
			got[s.Field] = s.Instead
		}
	}
	return got
}
