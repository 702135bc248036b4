// SPDX-License-Identifier: Apache-2.0

package trial_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/trial"
	"github.com/caseharden/caseharden/trial/plan"
)

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
		// As nginx: what it says in passing is harmless, and a volume there hides its configuration.
		{"complains of what it does not need", func(c corev1.Container, _ *corev1.Pod) ending {
			const passing = "cannot change /etc/app/sites/default: Read-only file system\n"
			for _, path := range []string{"/var/lib/app/x", "/run/app.pid"} {
				if !canWrite(c, path) {
					return crash(passing + "mkdir " + path + ": Read-only file system")
				}
			}
			if hides(c, "/etc/app/sites/default") {
				return crash("nothing to serve")
			}
			return ending{}
		}, map[string]string{"readOnlyRootFilesystem": "writable /run /var/lib/app"}},
		// As sshd: it writes beside what it reads.
		{"writes beside what it needs", func(c corev1.Container, _ *corev1.Pod) ending {
			switch {
			case !canWrite(c, "/run/x"):
				return crash("mkdir /run/x: Read-only file system")
			case !canWrite(c, "/etc/app/key"):
				return crash("cannot save /etc/app/key: Read-only file system")
			case hides(c, "/etc/app/config"):
				return crash("/etc/app/config: No such file or directory")
			}
			return ending{}
		}, map[string]string{"readOnlyRootFilesystem": "without readOnlyRootFilesystem"}},
		// A volume at /run hides the directory that the image has there for the application.
		{"wants a directory of the image below /run", func(c corev1.Container, _ *corev1.Pod) ending {
			switch {
			case !canWrite(c, "/run/app/x"):
				return crash("cannot write the PID file: Read-only file system")
			case mounted(c, "/run"):
				return crash("open /run/app/x: No such file or directory")
			}
			return ending{}
		}, map[string]string{"readOnlyRootFilesystem": "writable /run/app"}},
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

// Of exceptions that are not the smallest for want of rounds the report says so.
func TestTrialSaysWhenItEndedEarly(t *testing.T) {
	t.Parallel()
	app := func(c corev1.Container, _ *corev1.Pod) ending {
		if uid(c) != 0 || !has(c, "CHOWN") {
			return crash("chown: /data: Operation not permitted")
		}
		return ending{}
	}
	for rounds, early := range map[int]bool{1: true, 4: false} {
		r, _, _ := try(t, app, trial.Options{Rounds: rounds}, nil)
		if r.Conclusion != trial.ExceptionsFound || strings.Contains(r.Sentence, "--rounds 2") != early || strings.Contains(r.Sentence, "not without them") == early {
			t.Errorf("%d rounds: %s: %s; instead %v", rounds, r.Conclusion, r.Sentence, instead(r))
		}
	}
}
