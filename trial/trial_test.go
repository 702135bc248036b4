// SPDX-License-Identifier: Apache-2.0

package trial_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/mutate"
	"github.com/caseharden/caseharden/trial"
	"github.com/caseharden/caseharden/trial/plan"
	"github.com/caseharden/caseharden/trial/watch"
)

func newWorkload(t *testing.T, text string) *plan.Workload {
	t.Helper()
	converted, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var o unstructured.Unstructured
	if err := o.UnmarshalJSON(converted); err != nil {
		t.Fatal(err)
	}
	for _, kind := range mutate.TemplateKinds() {
		if kind.GroupVersionKind() == o.GroupVersionKind() {
			w, err := plan.NewWorkload(kind, &o)
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
	}
	t.Fatal("no such kind")
	return nil
}

func deployment(containers ...string) string {
	var list []string
	for _, name := range containers {
		list = append(list, fmt.Sprintf("{name: %s, image: registry.example.com/%s:1}", name, name))
	}
	return "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop}, spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [" + strings.Join(list, ", ") + "]}}}}"
}

func hardened(t *testing.T) *defaults.Profile {
	t.Helper()
	all, err := profile.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Name == "hardened" {
			return p
		}
	}
	t.Fatal("no profile hardened")
	return nil
}

func newTrial(t *testing.T, f *fakeCluster, text string, o trial.Options) *trial.Trial {
	t.Helper()
	p, refused, err := plan.New(newWorkload(t, text), hardened(t), plan.Surroundings{}, plan.Options{}, "id", 10*time.Minute)
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

func TestTrialFindsTheSmallestException(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		app  application
		want map[string]string
	}{
		{"nothing", func(corev1.Container, *corev1.Pod) ending { return ending{} }, map[string]string{}},
		{"a place to write", func(c corev1.Container, _ *corev1.Pod) ending {
			for _, path := range []string{"/var/cache/app/x", "/run/app.pid"} {
				if !canWrite(c, path) {
					return crash("open " + path + ": read-only file system")
				}
			}
			return ending{}
		}, map[string]string{"readOnlyRootFilesystem": "writable /run /var/cache/app"}},
		{"a chown entrypoint", func(c corev1.Container, _ *corev1.Pod) ending {
			if uid(c) != 0 || !has(c, "CHOWN") {
				return crash("chown: /data: Operation not permitted")
			}
			if !has(c, "SETUID") || !has(c, "SETGID") {
				return crash("su-exec: setgroups: Operation not permitted")
			}
			return ending{}
		}, map[string]string{"runAsUser": "without runAsUser", "runAsNonRoot": "without runAsNonRoot", "capabilities.drop": "drop all but CHOWN, SETGID, SETUID"}},
		// Redis, mosquitto and dnsmasq: as another user they need nothing, as root they do.
		{"changes its user only as root", func(c corev1.Container, _ *corev1.Pod) ending {
			if uid(c) == 0 && !has(c, "SETUID") {
				return crash("can't set groups: Operation not permitted")
			}
			if !canWrite(c, "/data/x") {
				return crash("open /data/x: Read-only file system")
			}
			return ending{}
		}, map[string]string{"readOnlyRootFilesystem": "writable /data"}},
		{"ready and wrong", func(c corev1.Container, _ *corev1.Pod) ending {
			if !canWrite(c, "/etc/app/x") {
				return ending{warns: "warning: open /etc/app/x: Read-only file system"}
			}
			return ending{}
		}, map[string]string{"readOnlyRootFilesystem": "writable /etc/app"}},
		{"says nothing", func(c corev1.Container, _ *corev1.Pod) ending {
			if c.SecurityContext != nil && c.SecurityContext.SeccompProfile != nil {
				return crash("")
			}
			return ending{}
		}, map[string]string{"seccompProfile": "without seccompProfile"}},
		{"fails after 12 s, where it is not root", func(c corev1.Container, _ *corev1.Pod) ending {
			if uid(c) == 10001 {
				return ending{after: 12 * time.Second, says: "no such user", code: 255}
			}
			if !canWrite(c, "/etc/x") {
				return ending{after: 12 * time.Second, says: "open /etc/x: read-only file system", code: 1}
			}
			return ending{}
		}, map[string]string{"readOnlyRootFilesystem": "without readOnlyRootFilesystem", "runAsUser": "without runAsUser", "runAsNonRoot": "without runAsNonRoot"}},
		{"fails after 20 s", func(c corev1.Container, _ *corev1.Pod) ending {
			if !canWrite(c, "/tmp/x") {
				return ending{after: 20 * time.Second, says: "open /tmp/x: read-only file system", code: 1}
			}
			return ending{}
		}, map[string]string{"readOnlyRootFilesystem": "writable /tmp"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, f, took := try(t, test.app, trial.Options{}, nil)
			want := trial.ExceptionsFound
			if len(test.want) == 0 {
				want = trial.AllWork
			}
			if r.Conclusion != want {
				t.Fatalf("conclusion = %s (%s), want %s", r.Conclusion, r.Sentence, want)
			}
			if diff := cmp.Diff(test.want, instead(r)); diff != "" {
				t.Errorf("what differs (-want +got):\n%s", diff)
			}
			if len(r.Proof) != 2 {
				t.Errorf("proofs = %+v, want two", r.Proof)
			}
			proofs := 0
			for _, run := range r.Runs {
				if run.What == "proof" {
					proofs++
				}
			}
			t.Logf("%d copies, %d proofs, %s", f.created, proofs, took)
			if proofs > 2 {
				t.Errorf("%d proofs, want at most 2: what worked for a short time is doubted after the first", proofs)
			}
			if took > 6*time.Minute { // what breaks late takes longest
				t.Errorf("took %s", took)
			}
			if len(test.want) == 0 {
				return
			}
			// The oracle: the profile as it is written, by the webhook's own decisions.
			all, err := profile.Parse([]profile.File{{Name: "web", Data: []byte(r.Document)}})
			if err != nil {
				t.Fatalf("%v\n%s", err, r.Document)
			}
			for _, p := range all {
				if p.Name == "web" {
					checkProfile(t, p, test.app)
				}
			}
		})
	}
}

// checkProfile checks that the application works in a pod that the webhook hardens by the
// profile.
func checkProfile(t *testing.T, p *defaults.Profile, app application) {
	t.Helper()
	w := newWorkload(t, deployment("web"))
	pod, _, err := plan.Harden(w.Pod, p)
	if err != nil {
		t.Fatal(err)
	}
	w.Pod = pod
	typed, err := w.Typed()
	if err != nil {
		t.Fatal(err)
	}
	if end := app(typed.Spec.Containers[0], nil); end != (ending{}) {
		t.Errorf("under the profile the application says %q", end.says+end.warns)
	}
}

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

// Two containers that need something each.
func TestTrialOfTwoContainers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakeCluster{apps: map[string]application{
			"web": func(c corev1.Container, _ *corev1.Pod) ending {
				if !canWrite(c, "/tmp/x") {
					return crash("open /tmp/x: read-only file system")
				}
				return ending{}
			},
			"helper": func(c corev1.Container, _ *corev1.Pod) ending {
				if uid(c) != 0 {
					return crash("must be run as root")
				}
				return ending{}
			},
		}}
		r := newTrial(t, f, deployment("web", "helper"), trial.Options{}).Run(t.Context())
		got := map[string]string{}
		for _, s := range r.Settings {
			if s.Instead != "" {
				got[s.Container+" "+s.Field] = s.Instead
			}
		}
		want := map[string]string{"web readOnlyRootFilesystem": "writable /tmp", "helper runAsUser": "without runAsUser", "helper runAsNonRoot": "without runAsNonRoot"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s\nwhat differs (-want +got):\n%s", r.Conclusion, r.Sentence, diff)
		}
		if len(f.pods) > 0 {
			t.Errorf("%d copies are left", len(f.pods))
		}
	})
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
