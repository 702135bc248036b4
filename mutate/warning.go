// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"fmt"
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
// that would get something, and one for the pod.
func warnings(profile string, scope scope, decisions []defaults.Decision) []string {
	var all []string
	for _, c := range scope.containers {
		all = appendWarning(all, containerName(c), profile, decisions, c)
	}
	return appendWarning(all, "the pod", profile, decisions, nil)
}

func containerName(c *defaults.Container) string {
	kind := "container"
	if c.Type != defaults.Regular {
		kind = string(c.Type) + " container"
	}
	return fmt.Sprintf("%s %q", kind, shorten(c.Name, 63)) // the longest name that is valid
}

// appendWarning adds the warning for the container c, or for the pod where c is
// nil, if it would get something.
func appendWarning(all []string, who, profile string, decisions []defaults.Decision, c *defaults.Container) []string {
	var would, wouldNot []string
	for _, d := range decisions {
		switch {
		case d.Container != c:
		case d.Outcome == defaults.Inject:
			would = append(would, d.Field.Name)
		default:
			wouldNot = append(wouldNot, d.Field.Name)
		}
	}
	if len(would) == 0 {
		return all
	}
	return append(all, warning(who, profile, would, wouldNot))
}

// warning names the fields, or, where those would make it too long and the rest
// would not, says that all are meant but the rest.
func warning(who, profile string, would, wouldNot []string) string {
	prefix := fmt.Sprintf("caseharden: %s would get ", who)
	named := fmt.Sprintf("%s%s (profile %s)", prefix, strings.Join(would, ", "), profile)
	if len(named) <= wantedWarning {
		return named
	}
	allBut := fmt.Sprintf("%sall %d defaults of profile %s", prefix, len(would)+len(wouldNot), profile)
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
