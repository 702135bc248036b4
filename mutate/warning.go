// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/text"
)

// The API asks for warnings of at most 120 characters, and cuts those over 256
// (admissionv1.AdmissionResponse.Warnings).
const (
	wantedWarning = 120
	maxWarning    = 256
)

// MaxContainerName is the longest name of a container that is valid.
const MaxContainerName = 63

// warnings says what the profile would fill in: a warning for each container
// that would get something, and one for the pod.
func warnings(profile string, change *Change) []string {
	return warningsFrom(change, func(who string, decisions []defaults.Decision, writable []string) []string {
		if w := warning(who, profile, decisions, writable); w != "" {
			return []string{w}
		}
		return nil
	})
}

// warningsOfDebugging says what the profile has filled in, in containers that are added to
// a running pod, and how to choose otherwise. Somebody waits for such a container, which
// the annotation cannot tell: a running pod gets none. Elsewhere mode enforce never warns,
// as controllers would only log it.
func warningsOfDebugging(profile string, change *Change) []string {
	all := warningsFrom(change, func(who string, decisions []defaults.Decision, _ []string) []string {
		return filledIn(who, profile, decisions)
	})
	if len(all) > 0 {
		all = append(all, howToChoose)
	}
	return all
}

const howToChoose = `caseharden: to choose other values, set the fields in the container: kubectl debug --custom=FILE, ` +
	`for example with {"securityContext":{"runAsUser":0,"readOnlyRootFilesystem":false}} in FILE`

// warningsFrom asks for the warnings of each container, and of the pod. Decisions and mounts
// of the same container stand together, as they are made.
func warningsFrom(change *Change, warn func(who string, decisions []defaults.Decision, writable []string) []string) []string {
	var all []string
	mounts := change.Mounts
	for decisions := change.Decisions; len(decisions) > 0; {
		c := decisions[0].Container
		end := slices.IndexFunc(decisions, func(d defaults.Decision) bool { return d.Container != c })
		if end < 0 {
			end = len(decisions)
		}
		who := "the pod"
		if c != nil {
			who = containerName(c)
		}
		var writable []string
		for ; len(mounts) > 0 && mounts[0].Container == c; mounts = mounts[1:] {
			writable = append(writable, mounts[0].Path)
		}
		all = append(all, warn(who, decisions[:end], writable)...)
		decisions = decisions[end:]
	}
	return all
}

func containerName(c *defaults.Container) string {
	kind := "container"
	if c.Type != defaults.Regular {
		kind = string(c.Type) + " container"
	}
	return fmt.Sprintf("%s %q", kind, text.Shorten(c.Name, MaxContainerName))
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
	return text.Shorten(named, maxWarning)
}

// filledIn names the fields that are injected, with their values: they are what somebody
// looks for whose session does not work. So such a warning is longer than the API asks for;
// where it would be cut, there are several.
func filledIn(who, profile string, decisions []defaults.Decision) []string {
	var all []string
	prefix, suffix := fmt.Sprintf("caseharden: %s got ", who), fmt.Sprintf(" (profile %s)", profile)
	line := ""
	for _, d := range decisions {
		if d.Outcome != defaults.Inject {
			continue
		}
		filled := d.Field.Name + ": " + string(d.Value.JSON)
		switch {
		case line == "":
			line = prefix + filled
		case len(line)+len(", ")+len(filled)+len(suffix) <= maxWarning:
			line += ", " + filled
		default:
			all = append(all, text.Shorten(line, maxWarning-len(suffix))+suffix)
			line = prefix + filled
		}
	}
	if line != "" {
		all = append(all, text.Shorten(line, maxWarning-len(suffix))+suffix)
	}
	return all
}
