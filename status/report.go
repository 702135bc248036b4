// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/caseharden/caseharden/evidence"
)

// A Report is what was found. Its JSON is what -o json prints: docs/status.md describes it.
type Report struct {
	APIVersion string    `json:"apiVersion"` // caseharden.io/v1alpha1
	Kind       string    `json:"kind"`       // Status
	Time       time.Time `json:"time"`
	Summary    Summary   `json:"summary"`
	Clusters   []Cluster `json:"clusters"`
}

// A Summary adds all clusters up.
type Summary struct {
	Clusters   int           `json:"clusters"`
	Namespaces int           `json:"namespaces"` // that ask for a profile
	Workloads  int           `json:"workloads"`
	Pods       int           `json:"pods"`
	States     map[State]int `json:"states"`   // Pods by state
	Unwell     int           `json:"unwell"`   // workloads with containers that do not run, or with Pods that cannot be created
	Suspects   int           `json:"suspects"` // of those, workloads in which a setting is suspected
	Next       NextCounts    `json:"next"`     // workloads by what the next restart brings
	Problems   int           `json:"problems"` // of installations and namespaces
	Waste      int           `json:"waste"`
	Unseen     int           `json:"unseen"`
	Waiting    int           `json:"waiting"` // workloads that are not as their replicas should be
}

// NextCounts counts workloads by what the next restart brings.
type NextCounts struct {
	Breaks  int `json:"breaks"`
	Risk    int `json:"risk"`
	Unknown int `json:"unknown"`
	Fits    int `json:"fits"`
	Same    int `json:"same"` // nothing would be filled in
}

// A Cluster is one cluster.
type Cluster struct {
	Name       string            `json:"name,omitempty"` // the context of the kubeconfig
	Server     string            `json:"server"`
	Error      string            `json:"error,omitempty"` // why nothing is known of it
	Install    Install           `json:"installation"`
	Namespaces []NamespaceReport `json:"namespaces"`
	Others     int               `json:"otherNamespaces"` // that ask for no profile
	Waste      []Waste           `json:"waste"`
	Unseen     []Unseen          `json:"unseen"`
	Writes     []Candidate       `json:"writes,omitempty"` // containers that have written nothing
	WritesRead bool              `json:"writesRead,omitempty"`
}

// A Problem is something of an installation or a namespace that somebody should look at.
type Problem struct {
	ID       string            `json:"id"`
	Severity evidence.Severity `json:"severity"`
	What     string            `json:"what"`
	Fix      string            `json:"fix"`
}

// A NamespaceReport is a namespace that asks for a profile.
type NamespaceReport struct {
	Name      string            `json:"name"`
	Profiles  map[string]string `json:"profiles"` // by mode
	LabelSet  *time.Time        `json:"labelSet,omitempty"`
	Pods      int               `json:"pods"`
	States    map[State]int     `json:"states"`
	Problems  []Problem         `json:"problems,omitempty"`
	Workloads []Workload        `json:"workloads"`
}

// A Workload is the topmost controller of Pods, or a Pod without one.
type Workload struct {
	Ref
	Pods     int                `json:"pods"`
	Ready    int                `json:"ready"`
	Desired  int                `json:"desired"`
	Waiting  bool               `json:"waiting,omitempty"` // its replicas are not as they should be
	States   map[State]int      `json:"states,omitempty"`
	Examples map[State][]string `json:"examples,omitempty"` // names of Pods
	Missing  []string           `json:"missing,omitempty"`  // settings that Pods lack
	Changed  []string           `json:"changed,omitempty"`  // settings that are not as the record says
	Left     []string           `json:"left,omitempty"`     // settings with other values, by their author
	Troubled int                `json:"troubled,omitempty"` // Pods with containers that do not run

	Findings    []Finding     `json:"findings,omitempty"`
	Unexplained []Unexplained `json:"unexplained,omitempty"`
	Failures    []string      `json:"failures,omitempty"` // messages of Pods that could not be created, for other reasons
	Next        *Next         `json:"next,omitempty"`
}

// Unwell reports whether containers of the workload do not run, or Pods cannot be created.
func (w *Workload) Unwell() bool {
	return len(w.Findings)+len(w.Unexplained)+len(w.Failures) > 0
}

// Lacks returns how many Pods lack settings that the namespace enforces.
func (w *Workload) Lacks() int {
	n := 0
	for state, count := range w.States {
		if state.lacks() {
			n += count
		}
	}
	return n
}

// New returns the report on the snapshots, in their order.
func New(now time.Time, today string, snapshots ...*Snapshot) *Report {
	r := &Report{APIVersion: "caseharden.io/v1alpha1", Kind: "Status", Time: now.UTC().Truncate(time.Second), Clusters: []Cluster{}}
	for _, s := range snapshots {
		r.Clusters = append(r.Clusters, s.report(today))
	}
	r.summarize()
	return r
}

// Failed returns what is said of a cluster of which nothing could be read.
func Failed(context, server string, err error) Cluster {
	return Cluster{Name: context, Server: server, Error: err.Error(), Namespaces: []NamespaceReport{}, Waste: []Waste{}, Unseen: []Unseen{}}
}

// Add adds a cluster to a report.
func (r *Report) Add(c Cluster) {
	r.Clusters = append(r.Clusters, c)
	r.summarize()
}

func (s *Snapshot) report(today string) Cluster {
	c := Cluster{Name: s.Context, Server: s.Server, Install: s.install(), Namespaces: []NamespaceReport{}, Waste: s.waste(today), Unseen: s.Unseen, Writes: s.candidates(), WritesRead: s.asked}
	if c.Unseen == nil {
		c.Unseen = []Unseen{}
	}
	workloads := s.workloads()
	for _, n := range s.Namespaces {
		if !n.Asks() {
			c.Others++
			continue
		}
		report := NamespaceReport{Name: n.Name, Profiles: map[string]string{}, States: map[State]int{}, Problems: s.namespaceProblems(n), Workloads: workloads[n.Name]}
		if !n.LabelSet.IsZero() {
			report.LabelSet = &n.LabelSet
		}
		for _, mode := range modes {
			if p := n.Profile(mode); p != "" {
				report.Profiles[mode] = p
			}
		}
		if report.Workloads == nil {
			report.Workloads = []Workload{}
		}
		for i := range report.Workloads {
			report.Pods += report.Workloads[i].Pods
			for state, count := range report.Workloads[i].States {
				report.States[state] += count
			}
		}
		c.Namespaces = append(c.Namespaces, report)
	}
	slices.SortFunc(c.Namespaces, func(a, b NamespaceReport) int { return cmp.Compare(a.Name, b.Name) })
	return c
}

// workloads returns the workloads by namespace: what does not run first, then what breaks at
// the next restart, then by name.
func (s *Snapshot) workloads() map[string][]Workload {
	groups := map[Ref]*group{}
	for _, owner := range sortedRefs(s.groups) {
		top, g := s.top(owner), s.groups[owner]
		if known := groups[top]; known != nil {
			g = known.with(g)
		}
		groups[top] = g
	}
	for ref := range s.templates {
		if top := s.top(ref); groups[top] == nil {
			groups[top] = &group{}
		}
	}
	failures := map[Ref][]Failure{}
	for _, f := range s.failures {
		top := s.top(f.Owner)
		if groups[top] != nil { // else it is gone, or the event is of another namespace
			failures[top] = append(failures[top], f)
		}
	}
	all := map[string][]Workload{}
	for _, ref := range sortedRefs(groups) {
		g := groups[ref]
		w := Workload{Ref: ref, Pods: g.pods, Ready: g.ready, Desired: g.pods, States: g.states, Examples: g.examples, Missing: g.missing, Changed: g.changed, Left: g.left, Troubled: g.troubledPods}
		if t := s.templates[ref]; t != nil {
			if makesPods(ref) && ref.Kind != "Job" && ref.Kind != "CronJob" {
				w.Desired, w.Waiting = t.Desired, t.Waits
			}
			w.Next = t.Next
		}
		w.Findings, w.Unexplained = s.judge(ref, g)
		s.addFailures(&w, failures[ref])
		all[ref.Namespace] = append(all[ref.Namespace], w)
	}
	for _, list := range all {
		slices.SortStableFunc(list, func(a, b Workload) int { return cmp.Compare(b.rank(), a.rank()) })
	}
	return all
}

// addFailures adds what the last events say, where replicas are still missing.
func (s *Snapshot) addFailures(w *Workload, failures []Failure) {
	if w.Kind != "CronJob" && w.Kind != "Job" && makesPods(w.Ref) && !w.Waiting {
		return // they were created since
	}
	slices.SortFunc(failures, func(a, b Failure) int { return b.Last.Compare(a.Last) })
	seen := map[string]bool{}
	for _, f := range failures {
		if found := s.judgeFailure(w.Ref, f); found != nil {
			if !seen[found.ID] {
				w.Findings = append(w.Findings, *found)
			}
			seen[found.ID] = true
		} else if !seen[""] {
			w.Failures = append(w.Failures, f.Message)
			seen[""] = true
		}
	}
}

// rank orders workloads, the worst first.
func (w *Workload) rank() int {
	rank := 0
	switch {
	case len(w.Findings) > 0:
		rank = 1000
	case w.Unwell():
		rank = 500
	}
	if w.Next != nil {
		rank += NextRank(w.Next)
	}
	if w.Lacks() > 0 {
		rank += 5
	}
	return rank
}

func sortedRefs[T any](m map[Ref]T) []Ref {
	return slices.SortedFunc(maps.Keys(m), func(a, b Ref) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Group, b.Group))
	})
}
