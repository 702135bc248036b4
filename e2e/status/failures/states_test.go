// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package failures

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/status/command"
	"github.com/caseharden/caseharden/e2e/status/failures/image"
	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
)

// A state is that of a namespace with one workload, and how it came about.
type state struct {
	name          string
	before, after string // the label of the namespace: when its Pod is created, and later
	author        string // what the author of the Pod sets
	record        string // what the author writes into the annotation of the webhook
	forget        bool   // the API server forgets who set the label

	pod     string // the state of the Pod
	viewed  string // the same, for somebody who may only view; empty: the same
	problem string // of the namespace, for an administrator
}

const everySetting = `allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}`

var states = []state{
	{name: "enforces", before: "enforce=hardened", pod: "hardened"},
	{name: "warns", before: "warn=hardened", pod: "not-enforced"},
	{name: "audits", before: "audit=hardened", pod: "not-enforced"},
	{name: "by-author", before: "enforce=hardened", author: everySetting, pod: "by-author"},
	{name: "labelled-later", after: "enforce=hardened", pod: "older"},
	{name: "other-profile", before: "enforce=restricted", after: "enforce=hardened", author: "runAsUser: 1", pod: "other-profile"},
	{name: "edited", after: "enforce=hardened", record: `{"profile":"hardened","containers":{"app":["runAsNonRoot"]}}`, pod: "changed"},
	{name: "nobody-knows", after: "enforce=hardened", forget: true, pod: "unknown-age"},
	{name: "mistake", before: "enforce=hardend", pod: "unknown-profile", problem: "no-such-profile"},
	// What only the installation tells.
	{name: "excluded", before: "enforce=hardened", pod: "not-selected", viewed: "unknown-age", problem: "excluded"},
	{name: "own-profile", before: "enforce=killing", pod: "hardened", viewed: "unknown-profile"},
}

// Each state of a namespace comes about, and is told: all of it to an administrator, and to
// somebody with the role view what that role lets one see.
func TestStates(t *testing.T) {
	t.Parallel()
	for _, s := range states {
		s.create(t)
	}
	alice := command.As(t, c.Kubeconfig(), "alice")
	all := status(t, "-A")
	i := all.Clusters[0].Installation
	if !i.Seen || i.Configuration != "caseharden" || i.Endpoints == nil || i.Endpoints.Ready != 2 || i.Replicas != 2 || i.Ready != 2 || i.CAUntil == nil || i.Version == "" || len(i.Problems) > 0 {
		t.Errorf("installation = %+v", i)
	}
	for _, s := range states {
		t.Run(s.name, func(t *testing.T) {
			s.check(t, all.Namespace(t, s.name), s.pod, s.problem)
			viewed := statusOf(t, alice, "-n", s.name)
			if s.viewed == "" {
				s.viewed = s.pod
			}
			s.check(t, viewed.Namespace(t, s.name), s.viewed, "")
			unseen := viewed.Clusters[0].Unseen
			if len(unseen) != 1 || unseen[0].What != "webhook configurations" || viewed.Clusters[0].Installation.Seen {
				t.Errorf("unseen = %+v, installation = %+v", unseen, viewed.Clusters[0].Installation)
			}
		})
	}
}

func (s state) create(t *testing.T) {
	t.Helper()
	bedtest.Namespace(t, c, s.name, nil)
	shell(t, "kubectl create rolebinding alice -n "+s.name+" --clusterrole=view --user=alice")
	label := func(text string) {
		if text != "" {
			shell(t, "kubectl label --overwrite namespace "+s.name+" caseharden.io/"+text)
		}
	}
	label(s.before)
	// Times have whole seconds, and a Pod of the second of the label may be older. The API server
	// takes a moment to see the label.
	time.Sleep(2 * time.Second)
	a := application{name: "web", image: image.Root, context: s.author}
	bedtest.Apply(t, c, s.name, strings.Replace(a.manifest(), "labels: {app: web}}\n    spec", "labels: {app: web}, annotations: {caseharden.io/injected: '"+s.record+"'}}\n    spec", 1))
	bedtest.Within(t, soon, "the Pod of "+s.name, func() error { return runs(t, s.name, "web") })
	label(s.after)
	if s.forget {
		shell(t, `kubectl patch namespace `+s.name+` --type=merge -p '{"metadata":{"managedFields":[{}]}}'`)
	}
}

func (s state) check(t *testing.T, n command.Namespace, pod, problem string) {
	t.Helper()
	if diff := cmp.Diff(map[string]int{pod: 1}, n.States); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	label := s.after
	if label == "" {
		label = s.before
	}
	mode, profile, _ := strings.Cut(label, "=")
	if diff := cmp.Diff(map[string]string{mode: profile}, n.Profiles); diff != "" {
		t.Errorf("profiles (-want +got):\n%s", diff)
	}
	got := ""
	for _, p := range n.Problems {
		got += p.ID
	}
	if got != problem {
		t.Errorf("problems %+v, want %q", n.Problems, problem)
	}
}

// A namespace without a label is only counted.
func TestNoLabel(t *testing.T) {
	t.Parallel()
	ns := bedtest.Namespace(t, c, "no-label", nil)
	r := command.Run(t, caseharden, c.Kubeconfig(), "-n", ns)
	if r.Code != 0 || !strings.Contains(r.Stdout, "0 namespaces") {
		t.Error(fmt.Sprint(r.Code), r.Stdout, r.Stderr)
	}
}
