// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults"
)

// The API asks for warnings of at most 120 characters, and cuts those over 256
// (admissionv1.AdmissionResponse.Warnings).
const (
	wantedWarning = 120
	maxWarning    = 256
)

// warnings says what the profile would fill in: a warning for each container
// that would get something, and one for the pod. Decisions on the same container
// stand together, as they are made.
func warnings(profile string, change *Change) []string {
	var all []string
	decisions := change.Decisions
	for len(decisions) > 0 {
		c := decisions[0].Container
		end := slices.IndexFunc(decisions, func(d defaults.Decision) bool { return d.Container != c })
		if end < 0 {
			end = len(decisions)
		}
		who := "the pod"
		if c != nil {
			who = containerName(c)
		}
		if w := warning(who, profile, decisions[:end], change.pathsOf(c)); w != "" {
			all = append(all, w)
		}
		decisions = decisions[end:]
	}
	return all
}

// pathsOf returns the paths that would be made writable in a container.
func (c *Change) pathsOf(container *defaults.Container) []string {
	var paths []string
	for _, m := range c.Mounts {
		if m.Container == container {
			paths = append(paths, m.Path)
		}
	}
	return paths
}

func containerName(c *defaults.Container) string {
	kind := "container"
	if c.Type != defaults.Regular {
		kind = string(c.Type) + " container"
	}
	return fmt.Sprintf("%s %q", kind, shorten(c.Name, 63)) // the longest name that is valid
}

// warning names the fields that would be injected, or, where those would make it
// too long and the rest would not, says that all are meant but the rest. It is
// empty where none would.
func warning(who, profile string, decisions []defaults.Decision, writable []string) string {
	var would, wouldNot []string
	for _, d := range decisions {
		if d.Outcome == defaults.Inject {
			would = append(would, d.Field.Name)
		} else {
			wouldNot = append(wouldNot, d.Field.Name)
		}
	}
	if len(would) == 0 {
		return ""
	}
	prefix, mounts := fmt.Sprintf("caseharden: %s would get ", who), ""
	if len(writable) > 0 {
		mounts = ", and an emptyDir at " + strings.Join(writable, ", ")
	}
	named := fmt.Sprintf("%s%s%s (profile %s)", prefix, strings.Join(would, ", "), mounts, profile)
	if len(named) <= wantedWarning {
		return named
	}
	allBut := fmt.Sprintf("%sall %d defaults of profile %s", prefix, len(decisions), profile)
	if len(wouldNot) > 0 {
		allBut += " but " + strings.Join(wouldNot, ", ")
	}
	allBut += mounts
	if len(allBut) < len(named) {
		named = allBut
	}
	return shorten(named, maxWarning)
}

// shorten cuts a text to at most n bytes, at a rune's boundary.
func shorten(text string, n int) string {
	if len(text) <= n {
		return text
	}
	const ellipsis = "…"
	end := n - len(ellipsis)
	return strings.ToValidUTF8(text[:end], "") + ellipsis
}
