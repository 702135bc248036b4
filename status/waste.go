// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/caseharden/caseharden/defaults"
)

// Waste is something of a profile that somebody should remove, or look at.
type Waste struct {
	ID      string `json:"id"` // unused-exception, overdue-exception or unused-profile
	Profile string `json:"profile"`
	Place   string `json:"place,omitempty"` // where an exception is written
	Reason  string `json:"reason,omitempty"`
	Owner   string `json:"owner,omitempty"`
	What    string `json:"what"`
}

// waste returns exceptions that no container needs or that are overdue, and profiles that
// nobody asks for. That something is unused can be said only if all namespaces were read.
func (s *Snapshot) waste(today string) []Waste {
	all := []Waste{}
	asked := map[string]bool{}
	for _, n := range s.Namespaces {
		for _, mode := range modes {
			asked[n.Profile(mode)] = true
		}
	}
	complete := s.All && len(s.unreadWorkloads()) == 0
	for _, p := range s.Profiles {
		judged := s.judges(p.Name)
		for i := range p.Exceptions {
			e := &p.Exceptions[i]
			w := Waste{Profile: p.Name, Place: e.Place, Reason: e.Reason, Owner: e.Owner}
			if e.Overdue(today) {
				w.ID, w.What = "overdue-exception", "an exception was to be reviewed by "+e.ReviewBy
				all = append(all, w)
			}
			if complete && judged && p.File != "" && s.uses[e] == 0 {
				w.ID, w.What = "unused-exception", fmt.Sprintf("an exception matches no container of the namespaces that ask for profile %s", p.Name)
				all = append(all, w)
			}
		}
	}
	if s.All && s.Webhook != nil {
		for _, e := range s.installed() {
			if !asked[e] && !builtIn(s.Profiles, e) {
				all = append(all, Waste{ID: "unused-profile", Profile: e, What: "no namespace asks for the profile"})
			}
		}
	}
	slices.SortFunc(all, func(a, b Waste) int {
		return cmp.Or(cmp.Compare(a.Profile, b.Profile), cmp.Compare(a.Place, b.Place), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// judges reports whether Pods of some namespace were compared with the profile.
func (s *Snapshot) judges(profile string) bool {
	return slices.ContainsFunc(s.Namespaces, func(n *Namespace) bool { return n.judgedBy() == profile })
}

// installed returns the profiles that any entry of the webhook names.
func (s *Snapshot) installed() []string {
	var names []string
	for _, e := range s.Webhook.Entries {
		names = insert(names, e.Profile)
	}
	return names
}

func builtIn(profiles []*defaults.Profile, name string) bool {
	return slices.ContainsFunc(profiles, func(p *defaults.Profile) bool { return p.Name == name && p.File == "" })
}

// unreadWorkloads returns which Pods and workloads could not be read.
func (s *Snapshot) unreadWorkloads() []string {
	var names []string
	for _, u := range s.Unseen {
		if u.Workloads {
			names = append(names, u.What)
		}
	}
	return names
}
