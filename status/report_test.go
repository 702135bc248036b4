// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/certtest"
)

func problemIDs(problems []Problem) string {
	var ids []string
	for _, p := range problems {
		ids = append(ids, p.ID)
	}
	return strings.Join(ids, " ")
}

// Where what a namespace asks for is not what it gets, it is said.
func TestNamespaceProblems(t *testing.T) {
	t.Parallel()
	for want, edit := range map[string]func(*Snapshot){
		"":                func(*Snapshot) {},
		"no-such-profile": func(s *Snapshot) { s.Namespaces[0].Labels["caseharden.io/enforce"] = "hardend" },
		"excluded": func(s *Snapshot) {
			not, err := labels.Parse("kubernetes.io/metadata.name notin (shop)")
			if err != nil {
				t.Fatal(err)
			}
			for i := range s.Webhook.Entries {
				s.Webhook.Entries[i].Namespaces = not
			}
		},
		"match-conditions": func(s *Snapshot) {
			for i := range s.Webhook.Entries {
				s.Webhook.Entries[i].OwnConditions = true
			}
		},
	} {
		s := snapshot(t, "hardened")
		edit(s)
		if got := problemIDs(New(now, "", s).Clusters[0].Namespaces[0].Problems); got != want {
			t.Errorf("problems = %q, want %q", got, want)
		}
	}
}

// The installation is judged by its configuration, its CA, its endpoints and its replicas.
func TestInstall(t *testing.T) {
	t.Parallel()
	for want, edit := range map[string]func(*Snapshot){
		"no-ca": func(*Snapshot) {},
		"":      func(s *Snapshot) { setCA(t, s) },
		"no-endpoints": func(s *Snapshot) {
			setCA(t, s)
			s.Webhook.Endpoints = &Endpoints{Ready: 0, All: 2}
		},
		"several-versions": func(s *Snapshot) {
			setCA(t, s)
			s.Webhook.Replicas = []Replica{{"a", "app:1", true}, {"b", "app:2", true}}
		},
		"replica-not-ready": func(s *Snapshot) {
			setCA(t, s)
			s.Webhook.Replicas = []Replica{{"a", "app:1", true}, {"b", "app:1", false}}
		},
		"ca-expired": func(s *Snapshot) {
			setCA(t, s)
			s.Now = time.Now().AddDate(100, 0, 0)
		},
		"ca-expires": func(s *Snapshot) {
			setCA(t, s)
			s.Now = time.Now()
		},
		"not-installed": func(s *Snapshot) { s.Webhook = nil },
	} {
		s := snapshot(t, "hardened")
		edit(s)
		if got := problemIDs(New(now, "", s).Clusters[0].Install.Problems); got != want {
			t.Errorf("problems = %q, want %q", got, want)
		}
	}

	// What cannot be seen is not missing.
	s := snapshot(t, "hardened")
	s.Webhook = nil
	s.CannotSeeWebhook(errors.New("forbidden"))
	if i := New(now, "", s).Clusters[0].Install; i.Seen || len(i.Problems) > 0 {
		t.Errorf("installation = %+v", i)
	}
}

func setCA(t *testing.T, s *Snapshot) {
	t.Helper()
	ca, err := os.ReadFile(certtest.New(t).File(t))
	if err != nil {
		t.Fatal(err)
	}
	s.Now = time.Now().AddDate(0, -1, 0) // the CA of the test lives for an hour
	for i := range s.Webhook.Entries {
		s.Webhook.Entries[i].CABundle = ca
	}
}

// The next restart is simulated for every template: of Deployments at zero, of CronJobs, and
// of Pods without a controller.
func TestNextRestart(t *testing.T) {
	t.Parallel()
	s := snapshot(t, "hardened")
	addWorkload(t, s, "Deployment", `{metadata: {name: web, namespace: shop}, spec: {replicas: 0, template: {spec: {containers: [{name: app, image: app, securityContext: {runAsUser: 0}}]}}}}`)
	addWorkload(t, s, "CronJob", `{metadata: {name: night, namespace: shop}, spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: app, image: app}]}}}}}}`)
	addWorkload(t, s, "Job", `{metadata: {name: night-1, namespace: shop, ownerReferences: [{apiVersion: batch/v1, kind: CronJob, name: night, controller: true}]}, spec: {template: {spec: {containers: [{name: app, image: app}]}}}}`)
	if err := s.AddPod([]byte(`{"metadata":{"name":"alone","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"app"}]}}`)); err != nil {
		t.Fatal(err)
	}
	r := New(now, "", s)
	if r.Summary.Workloads != 3 {
		t.Errorf("%d workloads, want 3", r.Summary.Workloads)
	}
	w := web(t, s)
	if got := strings.Join(w.Next.Skips, ","); got != "runAsNonRoot" || w.Next.Verdict != evidence.Risk {
		t.Errorf("next = %+v", w.Next)
	}
	for _, name := range []string{"cronjob/night", "pod/alone"} {
		found := Find(r, name)
		if len(found) != 1 || found[0].Next == nil || len(found[0].Next.Injects) != 6 {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

const ownProfile = `apiVersion: caseharden.io/v1alpha1
kind: Profile
metadata: {name: own}
spec:
  base: hardened
  exceptions:
  - {match: {containers: [app]}, leave: [readOnlyRootFilesystem], reason: it writes}
  - {match: {containers: [gone]}, leave: [runAsUser], reason: it was root, reviewBy: "2026-01-01", owner: team a}
`

// Exceptions that match nothing, and profiles that nobody asks for, are waste; where not
// everything was seen, nobody can tell.
func TestWaste(t *testing.T) {
	t.Parallel()
	ids := func(s *Snapshot) string {
		var all []string
		for _, w := range New(now, "2026-06-01", s).Clusters[0].Waste {
			all = append(all, w.ID)
		}
		return strings.Join(all, " ")
	}
	own := profile.File{Name: "own.yaml", Data: []byte(ownProfile)}
	s := snapshot(t, "own", own)
	addPod(t, s, "web-1-a", after, "", bare, isReady)
	if got := ids(s); got != "overdue-exception unused-exception" {
		t.Errorf("waste = %q", got)
	}
	s.CannotWorkloads("pods in namespace shop", errors.New("forbidden"), "")
	if got := ids(s); got != "overdue-exception" {
		t.Errorf("waste of which not all was seen = %q", got)
	}
	if got := ids(snapshot(t, "hardened", own)); got != "unused-profile overdue-exception" {
		t.Errorf("waste = %q", got)
	}
}

// A layer with more than directories is no candidate.
func TestWrites(t *testing.T) {
	t.Parallel()
	s := snapshot(t, "hardened")
	s.AskedForWrites()
	s.AddWritten(Written{"shop", "a", "app", 24576, 12})
	s.AddWritten(Written{"shop", "b", "app", 1 << 20, 12})
	s.AddWritten(Written{"elsewhere", "c", "app", 0, 3})
	if c := New(now, "", s).Clusters[0].Writes; len(c) != 1 || c[0].Pod != "a" {
		t.Errorf("candidates = %v", c)
	}
}

// Pods without a controller are as many as there are Pods, and what would be done to them is
// kept once for all that are alike.
func TestPodsShareTheirNext(t *testing.T) {
	t.Parallel()
	s := snapshot(t, "hardened")
	for _, name := range []string{"a", "b"} {
		object := `{"metadata":{"name":"` + name + `","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"app"}]}}`
		if err := s.AddPod([]byte(object)); err != nil {
			t.Fatal(err)
		}
	}
	r := New(now, "2026-06-01", s)
	a, b := Find(r, "pod/a")[0], Find(r, "pod/b")[0]
	if a.Next == nil || a.Next != b.Next || &a.Missing[0] != &b.Missing[0] {
		t.Errorf("%p and %p are not the same", a.Next, b.Next)
	}
}

// The Pods of all ReplicaSets are those of the Deployment, however often one asks.
func TestReplicaSetsAddUp(t *testing.T) {
	t.Parallel()
	s := snapshot(t, "hardened")
	for i, name := range []string{"a", "b", "c"} {
		rs := []string{"web-1", "web-2", "web-2"}[i]
		object := `{"metadata":{"name":"` + name + `","namespace":"shop","ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"` + rs + `","controller":true}]},` +
			`"spec":{"containers":[{"name":"app","image":"app"}]}}`
		if err := s.AddPod([]byte(object)); err != nil {
			t.Fatal(err)
		}
		s.AddOwner(Ref{"apps", "ReplicaSet", "shop", rs}, Ref{"apps", "Deployment", "shop", "web"})
	}
	for range 2 {
		w := web(t, s)
		if w.Pods != 3 || w.States[UnknownAge]+w.States[Older] != 3 || len(w.Missing) != 6 {
			t.Fatalf("workload = %+v", w)
		}
	}
}
