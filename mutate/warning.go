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
// must stand together, as they are made.
func warnings(profile string, decisions []defaults.Decision) []string {
	var all []string
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
		if w := warning(who, profile, decisions[:end]); w != "" {
			all = append(all, w)
		}
		decisions = decisions[end:]
	}
	return all
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
func warning(who, profile string, decisions []defaults.Decision) string {
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
	prefix := fmt.Sprintf("caseharden: %s would get ", who)
	named := fmt.Sprintf("%s%s (profile %s)", prefix, strings.Join(would, ", "), profile)
	if len(named) <= wantedWarning {
		return named
	}
	allBut := fmt.Sprintf("%sall %d defaults of profile %s", prefix, len(decisions), profile)
	if len(wouldNot) > 0 {
		allBut += " but " + strings.Join(wouldNot, ", ")
	}
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
