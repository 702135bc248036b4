// SPDX-License-Identifier: Apache-2.0

package status

import (
	"time"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
)

// A Snapshot is what was read of one cluster, reduced to what a report needs. Namespaces,
// Webhook and Profiles must be complete before the first pod is added.
type Snapshot struct {
	Context string // of the kubeconfig
	Server  string
	Now     time.Time
	All     bool // Namespaces are all that there are

	Namespaces []*Namespace
	Webhook    *Webhook // nil: there is none, or it could not be seen
	Profiles   []*defaults.Profile
	Unseen     []Unseen

	Known func(image string) *evidence.Known // nil: nothing is known of images

	byName    map[string]*Namespace
	groups    map[Ref]*group
	owners    map[Ref]Ref // the controllers of ReplicaSets and Jobs
	templates map[Ref]*Template
	nexts     map[string]*Next // by their JSON
	lists     map[string][]string
	failures  []Failure
	uses      map[*defaults.Exception]int
	written   []Written
	asked     bool // for what containers have written
}

// An Unseen is something that could not be read.
type Unseen struct {
	What  string `json:"what"`            // such as "events in all namespaces"
	Error string `json:"error"`           // in the words of the API server
	Means string `json:"means,omitempty"` // what the report cannot say because of it

	Workloads bool `json:"-"` // they are Pods, or objects with a Pod template
}

// A Ref names an object.
type Ref struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

func (r Ref) String() string { return r.Kind + " " + r.Name }

// A Namespace is a namespace with the labels that are Caseharden's.
type Namespace struct {
	Name     string
	Labels   map[string]string
	LabelSet time.Time // when the label caseharden.io/enforce was set, at the latest; zero: unknown

	byDefault string // the profile that is enforced without a label that names it
}

// Profile returns the profile of a mode: by the label, or for enforce by the default of the
// installation. It is "" if there is none, and for the label enforce=none.
func (n *Namespace) Profile(mode string) string {
	profile := n.Labels[labelPrefix+mode]
	switch {
	case mode != "enforce":
		return profile
	case n.byDefault != "":
		return n.byDefault
	case profile == "none":
		return ""
	}
	return profile
}

// ApplyDefault finds the namespaces that the webhook configuration hardens though no label of
// theirs names a profile: namespaces.default in the chart.
func (s *Snapshot) ApplyDefault() {
	for _, n := range s.Namespaces {
		label := n.Labels[labelPrefix+"enforce"]
		if s.Webhook == nil || s.Webhook.entry("enforce", label) != nil {
			continue
		}
		for _, e := range s.Webhook.Entries {
			if e.Mode == "enforce" && e.reaches(n) {
				n.byDefault = e.Profile
			}
		}
	}
}

const labelPrefix = "caseharden.io/"

// modes are the modes of namespaces, in the order of their strength.
var modes = []string{"enforce", "warn", "audit"}

// Asks reports whether the namespace asks for a profile in any mode.
func (n *Namespace) Asks() bool {
	for _, mode := range modes {
		if n.Profile(mode) != "" {
			return true
		}
	}
	return false
}

// judgedBy returns the profile that the pods of the namespace are compared with: that of the
// strongest mode.
func (n *Namespace) judgedBy() string {
	for _, mode := range modes {
		if p := n.Profile(mode); p != "" {
			return p
		}
	}
	return ""
}

// A Failure is a Pod that a controller could not create.
type Failure struct {
	Owner   Ref // that tried to
	Message string
	Last    time.Time
}

// Written is what a container has written to its own layer.
type Written struct {
	Namespace, Pod, Container string
	Bytes, Inodes             uint64
}

// AddFailure adds an event of a controller that could not create a Pod.
func (s *Snapshot) AddFailure(f Failure) { s.failures = append(s.failures, f) }

// AddOwner adds the controller of a ReplicaSet or a Job.
func (s *Snapshot) AddOwner(object, controller Ref) {
	if s.owners == nil {
		s.owners = map[Ref]Ref{}
	}
	s.owners[object] = controller
}

// AddWritten adds what a container has written.
func (s *Snapshot) AddWritten(w Written) { s.written = append(s.written, w) }

// AskedForWrites says that what containers have written was read.
func (s *Snapshot) AskedForWrites() { s.asked = true }

// Cannot adds something that could not be read.
func (s *Snapshot) Cannot(what string, err error, means string) {
	s.Unseen = append(s.Unseen, Unseen{What: what, Error: err.Error(), Means: means})
}

// CannotWorkloads adds Pods or objects with Pod templates that could not be read.
func (s *Snapshot) CannotWorkloads(what string, err error, means string) {
	s.Cannot(what, err, means)
	s.Unseen[len(s.Unseen)-1].Workloads = true
}

// Namespace returns a namespace; nil if it was not read.
func (s *Snapshot) Namespace(name string) *Namespace {
	if len(s.byName) != len(s.Namespaces) {
		s.byName = make(map[string]*Namespace, len(s.Namespaces))
		for _, n := range s.Namespaces {
			s.byName[n.Name] = n
		}
	}
	return s.byName[name]
}

// profile returns a profile by its name; nil if it is not known here.
func (s *Snapshot) profile(name string) *defaults.Profile {
	for _, p := range s.Profiles {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// top returns the topmost controller of an object.
func (s *Snapshot) top(r Ref) Ref {
	for range 8 { // owners do not go deeper; a circle ends here
		above, owned := s.owners[r]
		if !owned {
			break
		}
		r = above
	}
	return r
}
