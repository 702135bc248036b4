// SPDX-License-Identifier: Apache-2.0

// Package answer makes a profile of findings: a profile that starts from the previewed one
// and has the exceptions that the findings call for, grouped by image, smallest first.
//
// What it writes is a valid profile file. For each finding that is proven, the profile
// differs in the settings that the finding names. What no exception can answer is listed, such
// as tags of one repository that need different users.
//
// Start reading at [New], then at need.go, which puts the findings of one image together.
package answer

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/evidence"
)

// A Container is a container of a workload, with what was found of it.
type Container struct {
	Workload string // such as Deployment shop/web
	Name     string
	Image    string   // as the manifest names it
	Digest   string   // of the image that was read, or that runs; empty if it is not known
	Injected []string // fields that the profile injects in it or in its Pod; nil: all that it has
	Findings []evidence.Finding
}

// An Answer is a profile that answers findings.
type Answer struct {
	Name       string // of the profile
	Exceptions []Exception
	Unanswered []Unanswered
	Text       []byte            // the profile file
	Profile    *defaults.Profile // as the file says
}

// An Exception is one of the profile.
type Exception struct {
	Repository    string   // of the images that it matches
	Containers    []string // names of containers; none: all containers of the image
	Leave         []*defaults.Field
	Values        []Value
	WritablePaths []string
	Reason        string

	origin
}

// A Value is another value for a field.
type Value struct {
	Field *defaults.Field
	JSON  string
}

// An Unanswered is a kind of finding for which the profile has no exception.
type Unanswered struct {
	ID  string // of the findings
	Why string
	who few // has them
}

// New makes the profile for the findings of all containers of a preview. Containers without
// findings count too: an exception for an image must not reach more of them than need it.
//
// There may be several rounds: findings under the base, and then under profiles that answer
// those of the rounds before. What nothing answers is told of the last round.
func New(base *defaults.Profile, rounds ...[]Container) (*Answer, error) {
	a := &Answer{Name: nameFor(base.Name)}
	needs := map[string]map[string]*need{}
	for _, containers := range rounds {
		a.Unanswered = nil
		a.collect(needs, base, containers)
	}
	for _, repository := range slices.Sorted(maps.Keys(needs)) {
		a.Exceptions = append(a.Exceptions, exceptionsFor(repository, needs[repository])...)
		for _, name := range slices.Sorted(maps.Keys(needs[repository])) {
			n := needs[repository][name]
			for _, why := range n.conflicts() {
				a.open("exception for "+repository, why).addAll(n.workloads)
			}
		}
	}
	slices.SortStableFunc(a.Exceptions, func(x, y Exception) int {
		return cmp.Or(cmp.Compare(x.size(), y.size()), cmp.Compare(x.Repository, y.Repository))
	})
	return a, a.write(base)
}

// collect adds what the containers need: by repository, then by their name.
func (a *Answer) collect(needs map[string]map[string]*need, base *defaults.Profile, containers []Container) {
	for _, c := range containers {
		repository := base.RepositoryOf(c.Image)
		if repository == "" || c.Name == "" {
			for _, f := range c.Findings {
				a.leaveOpen(c, f, "an exception cannot match the container: its name or its image is not valid")
			}
			continue
		}
		if needs[repository] == nil {
			needs[repository] = map[string]*need{}
		}
		n := needs[repository][c.Name]
		if n == nil {
			n = newNeed(base)
			needs[repository][c.Name] = n
		}
		for _, f := range c.Findings {
			if why := n.add(c, f); why != "" {
				a.leaveOpen(c, f, why)
			}
		}
	}
}

func (a *Answer) leaveOpen(c Container, f evidence.Finding, why string) {
	who := c.Workload
	if c.Name != "" {
		who += " (container " + c.Name + ")"
	}
	a.open(f.ID, why).add(who)
}

// open returns who has the findings that are left open for a reason.
func (a *Answer) open(id, why string) *few {
	i := slices.IndexFunc(a.Unanswered, func(u Unanswered) bool { return u.ID == id && u.Why == why })
	if i < 0 {
		i = len(a.Unanswered)
		a.Unanswered = append(a.Unanswered, Unanswered{ID: id, Why: why})
	}
	return &a.Unanswered[i].who
}

// exceptionsFor returns the exceptions for the containers of one image. Containers with the
// same needs share one. It names containers only where other containers of the image need
// something else, or nothing.
func exceptionsFor(repository string, needs map[string]*need) []Exception {
	var exceptions []Exception
	index := map[string]int{} // by what is needed
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		n := needs[name]
		if n.isEmpty() {
			continue
		}
		key := n.key()
		i, found := index[key]
		if !found {
			i = len(exceptions)
			index[key] = i
			exceptions = append(exceptions, Exception{Repository: repository})
		}
		n.addTo(&exceptions[i])
		exceptions[i].Containers = append(exceptions[i].Containers, name)
	}
	if len(exceptions) == 1 && len(exceptions[0].Containers) == len(needs) {
		exceptions[0].Containers = nil
	}
	return exceptions
}

// size orders exceptions by how much they give up: a field that is left counts more than
// one with another value, and that more than any number of paths.
func (e *Exception) size() int {
	paths := 0
	if len(e.WritablePaths) > 0 {
		paths = 1
	}
	return 100*len(e.Leave) + 10*len(e.Values) + paths
}

// nameFor returns the name of the profile. That of an answer to an answer counts on.
func nameFor(base string) string {
	const suffix = "-fitted"
	head, number, fitted := base, 0, false
	if before, after, found := strings.Cut(base, suffix); found {
		head, fitted = before, true
		_, _ = fmt.Sscanf(after, "-%d", &number) // none: the first
	}
	end := suffix
	if fitted {
		end = fmt.Sprintf("%s-%d", suffix, max(number, 1)+1)
	}
	return strings.TrimRight(head[:min(len(head), profile.MaxName-len(end))], "-") + end
}
