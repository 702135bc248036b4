// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/mutate"
)

// asReceived reads what an API server sends, which has checked it.
var asReceived = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// rawPod is what is read of a Pod.
type rawPod struct {
	Metadata struct {
		Name              string                  `json:"name"`
		Namespace         string                  `json:"namespace"`
		CreationTimestamp metav1.Time             `json:"creationTimestamp"`
		DeletionTimestamp *metav1.Time            `json:"deletionTimestamp"`
		Labels            map[string]string       `json:"labels"`
		Annotations       map[string]string       `json:"annotations"`
		OwnerReferences   []metav1.OwnerReference `json:"ownerReferences"`
	} `json:"metadata"`
	Spec struct {
		SecurityContext jsontext.Value `json:"securityContext"`
		Init            []rawContainer `json:"initContainers"`
		Regular         []rawContainer `json:"containers"`
		Ephemeral       []rawContainer `json:"ephemeralContainers"`
	} `json:"spec"`
	Status struct {
		Phase      corev1.PodPhase          `json:"phase"`
		Conditions []corev1.PodCondition    `json:"conditions"`
		Init       []corev1.ContainerStatus `json:"initContainerStatuses"`
		Regular    []corev1.ContainerStatus `json:"containerStatuses"`
	} `json:"status"`
}

type rawContainer struct {
	Name            string         `json:"name"`
	Image           string         `json:"image"`
	SecurityContext jsontext.Value `json:"securityContext"`
}

// A pod is what a Pod is reduced to, before it joins the group of its controller.
type pod struct {
	namespace, name string
	owner           Ref // its controller; the pod itself if it has none
	state           State
	ready           bool
	running         map[string]int64 // users as whom its containers started, where it is not hardened
	record          *defaults.Record
	missing         []string // settings that the spec lacks
	changed         []string // settings that the record names, with which the spec disagrees
	left            []string // settings to which the author gave other values
	troubles        []Trouble
}

// AddPod adds a Pod, given as JSON. It is compared with the profile of its namespace.
func (s *Snapshot) AddPod(object []byte) error {
	var raw rawPod
	if err := json.Unmarshal(object, &raw, asReceived); err != nil {
		return fmt.Errorf("a Pod: %w", err)
	}
	n := s.Namespace(raw.Metadata.Namespace)
	if n == nil || !n.Asks() {
		return nil
	}
	if _, mirror := raw.Metadata.Annotations[corev1.MirrorPodAnnotationKey]; mirror || raw.Metadata.DeletionTimestamp != nil {
		return nil
	}
	p := &pod{namespace: n.Name, name: raw.Metadata.Name, owner: raw.owner(), ready: raw.ready()}
	p.record = (&defaults.Pod{Annotations: raw.Metadata.Annotations}).EarlierPass()
	profile := s.profile(n.judgedBy())
	if err := s.compare(p, &raw, n, profile, object); err != nil {
		return fmt.Errorf("namespace %s: Pod %s: %w", p.namespace, p.name, err)
	}
	if raw.Status.Phase == corev1.PodSucceeded {
		p.ready = true // it has done its work
	} else {
		p.troubles = raw.troubles(p)
	}
	if p.record == nil {
		p.running = raw.users()
	}
	s.group(p.owner).add(p)
	if !makesPods(p.owner) && p.record == nil && profile != nil {
		return s.simulate(p.owner, profile, object)
	}
	return nil
}

func (r *rawPod) owner() Ref {
	for _, o := range r.Metadata.OwnerReferences {
		if o.Controller != nil && *o.Controller {
			return Ref{Group: schema.FromAPIVersionAndKind(o.APIVersion, o.Kind).Group, Kind: o.Kind, Namespace: r.Metadata.Namespace, Name: o.Name}
		}
	}
	return Ref{Kind: "Pod", Namespace: r.Metadata.Namespace, Name: r.Metadata.Name}
}

func (r *rawPod) ready() bool {
	return slices.ContainsFunc(r.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func (r *rawPod) users() map[string]int64 {
	users := map[string]int64{}
	for _, c := range r.Status.Regular {
		if c.User != nil && c.User.Linux != nil {
			users[c.Name] = c.User.Linux.UID
		}
	}
	return users
}

// compare fills in what the spec of a pod lacks, by the decisions of the webhook, and its
// state.
func (s *Snapshot) compare(p *pod, raw *rawPod, n *Namespace, profile *defaults.Profile, object []byte) error {
	if profile == nil {
		p.state = NoProfile
		return nil
	}
	change, err := mutate.NewChange(profile, "Pod", object)
	if err != nil || change == nil {
		return err
	}
	s.countUses(profile, object)
	for _, d := range change.Decisions {
		container := ""
		if d.Container != nil {
			container = d.Container.Name
		}
		switch ours := records(p.record, container, d.Field.Name); {
		case d.Outcome == defaults.Inject && ours:
			p.changed = insert(p.changed, d.Field.Name)
		case d.Outcome == defaults.Inject:
			p.missing = insert(p.missing, d.Field.Name)
		case d.Outcome == defaults.Leave && !raw.has(d):
			if ours && p.record.Profile == profile.Name {
				p.changed = insert(p.changed, d.Field.Name)
			} else if !ours {
				p.left = insert(p.left, d.Field.Name)
			}
		}
	}
	p.missing, p.changed, p.left = s.sharedList(p.missing), s.sharedList(p.changed), s.sharedList(p.left)
	p.state = s.stateOf(p, raw, n)
	return nil
}

// sharedList returns the first list with the same names.
func (s *Snapshot) sharedList(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	key := strings.Join(names, " ")
	if s.lists == nil {
		s.lists = map[string][]string{}
	}
	if s.lists[key] == nil {
		s.lists[key] = names
	}
	return s.lists[key]
}

// stateOf says what became of a pod. The first case that holds decides.
//
//	the namespace does not enforce                        not-enforced
//	the record names settings that the spec lacks, or     changed
//	  has with another value than the profile
//	nothing is missing, and there is a record             hardened
//	nothing is missing                                    by-author
//	there is a record                                     other-profile
//	the entry of the webhook does not select it           not-selected
//	it is from before the label or the webhook            older
//	it is from after both                                 not-reviewed
//	otherwise                                             unknown-age
func (s *Snapshot) stateOf(p *pod, raw *rawPod, n *Namespace) State {
	profile := n.Profile("enforce")
	entry := s.Webhook.entry("enforce", profile)
	created := raw.Metadata.CreationTimestamp.Time
	switch {
	case profile == "":
		return NotEnforced
	case len(p.changed) > 0:
		return Changed
	case len(p.missing) == 0 && p.record != nil:
		return Hardened
	case len(p.missing) == 0:
		return ByAuthor
	case p.record != nil:
		return OtherProfile
	case entry != nil && (!entry.reaches(n) || !entry.Objects.Matches(labels.Set(raw.Metadata.Labels))):
		return NotSelected
	case s.Webhook != nil && !created.After(s.Webhook.Created), !n.LabelSet.IsZero() && !created.After(n.LabelSet):
		return Older // times have whole seconds: of the same second it may be
	case n.LabelSet.IsZero() || s.Webhook == nil:
		return UnknownAge
	}
	return NotReviewed
}

// has reports whether the pod has the value that the profile would give a field.
func (r *rawPod) has(d defaults.Decision) bool {
	contexts := []jsontext.Value{r.Spec.SecurityContext}
	if c := d.Container; c != nil {
		list := map[defaults.ContainerType][]rawContainer{defaults.Init: r.Spec.Init, defaults.Regular: r.Spec.Regular, defaults.Ephemeral: r.Spec.Ephemeral}[c.Type]
		if d.Reason == defaults.SetOnContainer && c.Index < len(list) {
			contexts[0] = list[c.Index].SecurityContext
		}
	}
	value := contexts[0]
	for name := range strings.SplitSeq(d.Field.Name, ".") {
		var members map[string]jsontext.Value
		if json.Unmarshal(value, &members) != nil {
			return false
		}
		value = members[name]
	}
	return same(value, d.Value.JSON)
}

// same reports whether two values are the same, however they are written.
func same(a, b jsontext.Value) bool {
	a, b = a.Clone(), b.Clone()
	return len(a) > 0 && a.Canonicalize() == nil && b.Canonicalize() == nil && string(a) == string(b)
}

// countUses counts the exceptions of the profile that match a container of a pod.
func (s *Snapshot) countUses(profile *defaults.Profile, object []byte) {
	if len(profile.Exceptions) == 0 {
		return
	}
	p, err := defaults.ParsePod(object)
	if err != nil {
		return
	}
	if s.uses == nil {
		s.uses = map[*defaults.Exception]int{}
	}
	for i := range p.Containers {
		for _, e := range profile.ExceptionsFor(p, &p.Containers[i]) {
			s.uses[e]++
		}
	}
}

// insert adds a name to a sorted list, unless it is there already.
func insert(list []string, name string) []string {
	i, found := slices.BinarySearch(list, name)
	if found {
		return list
	}
	return slices.Insert(list, i, name)
}

// records reports whether a record names a field of a container, or of the pod where the
// container is "".
func records(r *defaults.Record, container, field string) bool {
	switch {
	case r == nil:
		return false
	case container == "":
		return slices.Contains(r.Pod, field)
	}
	return slices.Contains(r.Containers[container], field)
}
