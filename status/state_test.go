// SPDX-License-Identifier: Apache-2.0

package status

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Each state has a case, and every case differs from the first two by one thing.
func TestStates(t *testing.T) {
	t.Parallel()
	nothing := labels.Nothing()
	tests := []struct {
		name         string
		created      time.Time
		record, spec string
		edit         func(*Snapshot)
		want         State
	}{
		{"recorded and complete", after, record, complete, nil, Hardened},
		{"complete by its author", after, "", complete, nil, ByAuthor},
		{"the record alone says nothing", after, record, bare, nil, Changed},
		{"a value is another one", after, record, strings.Replace(complete, "10001", "0", 1), nil, Changed},
		{"an author's other value", after, "", strings.Replace(complete, "10001", "33", 1), nil, ByAuthor},
		{"recorded by another profile", after, `{"profile":"restricted","containers":{"app":["runAsNonRoot"]}}`,
			`{containers: [{name: app, image: a, securityContext: {runAsNonRoot: true}}]}`, nil, OtherProfile},
		{"before the label", before, "", bare, nil, Older},
		{"in the second of the label", labelled, "", bare, nil, Older},
		{"before the webhook", after, "", bare, func(s *Snapshot) { s.Webhook.Created = now }, Older},
		{"after both", after, "", bare, nil, NotReviewed},
		{"the time of the label is unknown", after, "", bare, func(s *Snapshot) { s.Namespaces[0].LabelSet = time.Time{} }, UnknownAge},
		{"the webhook cannot be seen", after, "", bare, func(s *Snapshot) { s.Webhook = nil }, UnknownAge},
		{"the entry does not select it", after, "", bare, func(s *Snapshot) {
			for i := range s.Webhook.Entries {
				s.Webhook.Entries[i].Objects = nothing
			}
		}, NotSelected},
		{"audit alone", after, "", bare, func(s *Snapshot) { s.Namespaces[0].Labels = map[string]string{"caseharden.io/audit": "hardened"} }, NotEnforced},
		{"a profile that is not known", after, "", bare, func(s *Snapshot) { s.Namespaces[0].Labels["caseharden.io/enforce"] = "own" }, NoProfile},
	}
	seen := map[State]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := snapshot(t, "hardened")
			if tt.edit != nil {
				tt.edit(s)
			}
			addPod(t, s, "web-1-a", tt.created, tt.record, tt.spec, isReady)
			w := web(t, s)
			if w.States[tt.want] != 1 || len(w.States) != 1 {
				t.Errorf("states = %v, want %s", w.States, tt.want)
			}
			seen[tt.want] = true
		})
	}
	for _, s := range States() {
		if !seen[s] || s.Sentence() == "" {
			t.Errorf("state %s has no case, or no sentence", s)
		}
	}
}

// Who set another value is told apart: the author, or somebody after the webhook.
func TestLeftAndChanged(t *testing.T) {
	t.Parallel()
	s := snapshot(t, "hardened")
	addPod(t, s, "web-1-a", after, strings.ReplaceAll(record, `,"runAsUser"`, ""), strings.Replace(complete, "10001", "33", 1), isReady)
	addPod(t, s, "web-1-b", after, record, strings.Replace(complete, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", 1), isReady)
	w := web(t, s)
	if got := strings.Join(w.Left, ","); got != "runAsUser" {
		t.Errorf("left = %s", got)
	}
	if got := strings.Join(w.Changed, ","); got != "readOnlyRootFilesystem" {
		t.Errorf("changed = %s", got)
	}
}

// Mirror Pods, Pods that end, and Pods of other namespaces count nowhere.
func TestPodsThatDoNotCount(t *testing.T) {
	t.Parallel()
	s := snapshot(t, "hardened")
	for _, pod := range []string{
		`{"metadata":{"name":"a","namespace":"shop","annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"containers":[{"name":"app"}]}}`,
		`{"metadata":{"name":"b","namespace":"shop","deletionTimestamp":"2026-06-01T00:00:00Z"},"spec":{"containers":[{"name":"app"}]}}`,
		`{"metadata":{"name":"c","namespace":"elsewhere"},"spec":{"containers":[{"name":"app"}]}}`,
	} {
		if err := s.AddPod([]byte(pod)); err != nil {
			t.Error(err)
		}
	}
	if r := New(now, "", s); r.Summary.Pods != 0 {
		t.Errorf("%d Pods count", r.Summary.Pods)
	}
}

// The time of the label is that of its field manager, and of no other.
func TestLabelSet(t *testing.T) {
	t.Parallel()
	n, err := ReadNamespace([]byte(`{"metadata":{"name":"shop","labels":{"caseharden.io/enforce":"hardened"},"managedFields":[
		{"manager":"kubectl-create","time":"2026-01-01T00:00:00Z","fieldsV1":{"f:metadata":{"f:labels":{"f:team":{}}}}},
		{"manager":"kubectl-label","time":"2026-02-01T00:00:00Z","fieldsV1":{"f:metadata":{"f:labels":{"f:caseharden.io/enforce":{}}}}},
		{"manager":"other","time":"2026-03-01T00:00:00Z","fieldsV1":{"f:metadata":{"f:annotations":{"f:x":{}}}}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC); !n.LabelSet.Equal(want) {
		t.Errorf("label set at %v, want %v", n.LabelSet, want)
	}
	if set := labelSet(&metav1.ObjectMeta{}); !set.IsZero() {
		t.Errorf("without managed fields it is %v", set)
	}
}
