// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/mutate"
)

var (
	now      = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	labelled = now.Add(-24 * time.Hour)
	before   = labelled.Add(-time.Hour)
	after    = labelled.Add(time.Hour)
)

// snapshot returns one with the webhook, and namespace shop that enforces a profile.
func snapshot(t *testing.T, enforced string, files ...profile.File) *Snapshot {
	t.Helper()
	profiles, err := profile.Parse(files)
	if err != nil {
		t.Fatal(err)
	}
	s := &Snapshot{Now: now, All: true, Profiles: profiles, Webhook: &Webhook{Name: "caseharden", Created: before.Add(-time.Hour)}}
	for _, p := range profiles {
		for _, mode := range modes {
			s.Webhook.Entries = append(s.Webhook.Entries, Entry{Name: mode + "-" + p.Name + ".caseharden.io", Mode: mode, Profile: p.Name, FailurePolicy: "Fail", Namespaces: labels.Everything(), Objects: labels.Everything()})
		}
	}
	s.Namespaces = []*Namespace{{Name: "shop", Labels: map[string]string{"caseharden.io/enforce": enforced}, LabelSet: labelled}}
	return s
}

// addPod adds a Pod of ReplicaSet web-1, given as YAML of its spec and of its status.
func addPod(t *testing.T, s *Snapshot, name string, created time.Time, annotation, spec, state string) {
	t.Helper()
	text := fmt.Sprintf(`
metadata:
  name: %s
  namespace: shop
  creationTimestamp: %s
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-1, controller: true}]
  annotations: {caseharden.io/injected: %q}
spec: %s
status: %s
`, name, created.Format(time.RFC3339), annotation, spec, state)
	object, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddPod(object); err != nil {
		t.Fatal(err)
	}
	s.AddOwner(Ref{"apps", "ReplicaSet", "shop", "web-1"}, Ref{"apps", "Deployment", "shop", "web"})
}

// addWorkload adds an object given as YAML.
func addWorkload(t *testing.T, s *Snapshot, kind, text string) {
	t.Helper()
	object, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var k mutate.TemplateKind
	for _, known := range mutate.TemplateKinds() {
		if known.Kind == kind {
			k = known
		}
	}
	if err := s.AddWorkload(k, object); err != nil {
		t.Fatal(err)
	}
}

const (
	bare     = `{containers: [{name: app, image: example.com/app}]}`
	complete = `{containers: [{name: app, image: example.com/app, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}}]}`
	record   = `{"profile":"hardened","containers":{"app":["allowPrivilegeEscalation","capabilities.drop","readOnlyRootFilesystem","runAsNonRoot","runAsUser","seccompProfile"]}}`
	isReady  = `{phase: Running, conditions: [{type: Ready, status: "True"}], containerStatuses: [{name: app, ready: true, user: {linux: {uid: 33, gid: 33}}}]}`
)

// web returns the report on Deployment web.
func web(t *testing.T, s *Snapshot) *Workload {
	t.Helper()
	found := Find(New(now, "2026-06-01", s), "deployment/web")
	if len(found) != 1 {
		t.Fatalf("%d workloads are Deployment web", len(found))
	}
	return found[0]
}
