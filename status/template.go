// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/mutate"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// A Template is what is read of an object with a Pod template.
type Template struct {
	Desired int // replicas; of a Job and a CronJob none
	Waits   bool
	Next    *Next // nil: the profile is not known
}

// Next says what the webhook would do to the Pods of the next restart, by its own decisions.
type Next struct {
	Injects  []string           `json:"injects,omitempty"` // settings that would be filled in
	Skips    []string           `json:"skips,omitempty"`   // settings that would be skipped
	Verdict  evidence.Verdict   `json:"verdict,omitempty"`
	Severity evidence.Severity  `json:"severity,omitempty"`
	Findings []evidence.Finding `json:"findings,omitempty"` // what breaks or may break, without what is only unknown
}

// rawWorkload is what is read of an object with a Pod template.
type rawWorkload struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name            string                  `json:"name"`
		Namespace       string                  `json:"namespace"`
		Generation      int64                   `json:"generation"`
		OwnerReferences []metav1.OwnerReference `json:"ownerReferences"`
	} `json:"metadata"`
	Spec struct {
		Replicas *int `json:"replicas"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration     int64 `json:"observedGeneration"`
		Ready                  int   `json:"readyReplicas"`
		Updated                *int  `json:"updatedReplicas"`
		DesiredNumberScheduled int   `json:"desiredNumberScheduled"`
		NumberReady            int   `json:"numberReady"`
		UpdatedNumber          int   `json:"updatedNumberScheduled"`
	} `json:"status"`
}

// AddWorkload adds an object with a Pod template, given as JSON. Items of lists have no kind
// of their own. What a controller owns is only noted as owned.
func (s *Snapshot) AddWorkload(kind mutate.TemplateKind, object []byte) error {
	var raw rawWorkload
	if err := json.Unmarshal(object, &raw, asReceived); err != nil {
		return fmt.Errorf("a %s: %w", kind.Kind, err)
	}
	n := s.Namespace(raw.Metadata.Namespace)
	if n == nil || !n.Asks() {
		return nil
	}
	ref := Ref{Group: kind.Group, Kind: kind.Kind, Namespace: n.Name, Name: raw.Metadata.Name}
	if above := metav1.GetControllerOf(&metav1.ObjectMeta{OwnerReferences: raw.Metadata.OwnerReferences}); above != nil {
		owner := Ref{Group: schema.FromAPIVersionAndKind(above.APIVersion, above.Kind).Group, Kind: above.Kind, Namespace: n.Name, Name: above.Name}
		s.AddOwner(ref, owner)
		if makesPods(owner) {
			return nil
		}
		ref = owner // a custom controller: its template is here
	}
	t := s.template(ref)
	raw.replicas(t, kind.Kind)
	profile := s.profile(n.judgedBy())
	if profile == nil {
		return nil
	}
	template, err := kind.Template(kind.Kind, object)
	if err != nil || template == nil {
		return nil // the API server would not have it
	}
	s.countUses(profile, template)
	return s.simulate(ref, profile, typed(kind, object))
}

// replicas fills in how many replicas there should be, and whether they are not there.
func (r *rawWorkload) replicas(t *Template, kind string) {
	var ready int
	switch kind {
	case "Deployment", "StatefulSet", "ReplicaSet", "ReplicationController":
		t.Desired, ready = 1, r.Status.Ready
		if r.Spec.Replicas != nil {
			t.Desired = *r.Spec.Replicas
		}
		t.Waits = kind == "Deployment" && t.Desired > 0 && (r.Status.Updated == nil || *r.Status.Updated < t.Desired)
	case "DaemonSet":
		t.Desired, ready = r.Status.DesiredNumberScheduled, r.Status.NumberReady
		t.Waits = r.Status.UpdatedNumber < t.Desired
	default:
		return
	}
	t.Waits = t.Waits || ready < t.Desired || r.Status.ObservedGeneration < r.Metadata.Generation
}

func (s *Snapshot) template(r Ref) *Template {
	if s.templates == nil {
		s.templates = map[Ref]*Template{}
	}
	if s.templates[r] == nil {
		s.templates[r] = &Template{}
	}
	return s.templates[r]
}

// typed returns an object with its kind, which items of lists do not have.
func typed(kind mutate.TemplateKind, object []byte) []byte {
	version := kind.Version
	if kind.Group != "" {
		version = kind.Group + "/" + kind.Version
	}
	var header struct {
		Kind string `json:"kind"`
	}
	if json.Unmarshal(object, &header) == nil && header.Kind != "" {
		return object
	}
	return slices.Concat(fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,`, version, kind.Kind), object[1:])
}

// simulate previews what the webhook would do to the Pods of an object.
func (s *Snapshot) simulate(ref Ref, profile *defaults.Profile, object []byte) error {
	t := s.template(ref)
	if t.Next != nil {
		return nil
	}
	if ref.Kind == "Pod" || !makesPods(ref) {
		object = typed(podKind, object)
	}
	report := preview.New(profile, []manifest.Input{{Name: "cluster", Data: object}}, preview.Options{Known: s.Known})
	if len(report.Workloads) == 0 {
		return nil
	}
	w := &report.Workloads[0]
	next := &Next{}
	if w.Changed {
		next.Verdict, next.Severity = w.Verdict, w.Severity
	}
	w.EachDecision(func(d preview.Decision) {
		switch defaults.Outcome(d.Outcome) {
		case defaults.Inject:
			next.Injects = insert(next.Injects, d.Field)
		case defaults.Skip:
			next.Skips = insert(next.Skips, d.Field)
		}
	})
	for _, f := range w.Findings {
		if f.Verdict == evidence.Breaks || f.Verdict == evidence.Risk {
			next.Findings = append(next.Findings, f)
		}
	}
	slices.SortStableFunc(next.Findings, func(a, b evidence.Finding) int {
		return cmp.Compare(preview.Rank(b.Verdict, b.Severity), preview.Rank(a.Verdict, a.Severity))
	})
	var err error
	t.Next, err = s.shared(next)
	return err
}

// shared returns the first of all that say the same: thousands of Pods without a controller
// have few templates.
func (s *Snapshot) shared(n *Next) (*Next, error) {
	key, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	if s.nexts == nil {
		s.nexts = map[string]*Next{}
	}
	if known := s.nexts[string(key)]; known != nil {
		return known, nil
	}
	s.nexts[string(key)] = n
	return n, nil
}

var podKind = kindNamed("Pod")

func kindNamed(name string) mutate.TemplateKind {
	for _, k := range mutate.TemplateKinds() {
		if k.Kind == name {
			return k
		}
	}
	panic("internal error: there is no kind " + name)
}

// makesPods reports whether an object is of a kind of Kubernetes' own that has a template.
func makesPods(r Ref) bool {
	_, found := templateKind(r)
	return found && r.Kind != "Pod"
}

func templateKind(r Ref) (mutate.TemplateKind, bool) {
	for _, k := range mutate.TemplateKinds() {
		if k.Kind == r.Kind && k.Group == r.Group {
			return k, true
		}
	}
	return mutate.TemplateKind{}, false
}
