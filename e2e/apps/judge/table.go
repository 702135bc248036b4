// SPDX-License-Identifier: Apache-2.0

//go:build linux

package judge

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
)

// Tables are the parts of docs/evidence.md that are made from what was measured, by name.
func Tables(r Result, truth catalogue.Truth) map[string]string {
	return map[string]string{
		"sources":      sources(r),
		"profile":      profile(r, truth),
		"applications": applications(truth),
		"versions":     versions(truth),
	}
}

func sources(r Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s at commit %s.\n\n", r.Date, r.Commit)
	b.WriteString("| evidence | recall | precision | right cause | `breaks` right | no word | held out: recall | precision |\n|---|---|---|---|---|---|---|---|\n")
	for _, s := range r.Sources {
		fmt.Fprintf(&b, "| %s | %.2f (%d of %d) | %.2f (%d of %d) | %.2f | %d of %d | %d | %.2f | %.2f |\n", s.Name,
			s.All.Recall(), s.All.Found, s.All.Needed, s.All.Precision(), s.All.Right, s.All.Findings, s.All.RightCause(),
			s.All.BreaksRight, s.All.Breaks, s.All.Silent, s.HeldOut.Recall(), s.HeldOut.Precision())
	}
	return b.String()
}

func profile(r Result, truth catalogue.Truth) string {
	p := r.Profile
	if p == nil {
		return "Not measured yet: `make test-apps` does it.\n"
	}
	possible := 0
	for _, t := range truth.Apps {
		possible += len(t.Smallest[0].Settings)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s at commit %s.\n\n| profile | applications that serve | settings in effect on average |\n|---|---|---|\n", p.Date, p.Commit)
	fmt.Fprintf(&b, "| `hardened` | %d of %d | 6 |\n", p.Before, p.Apps)
	fmt.Fprintf(&b, "| what `preview -o profile --images` writes | %d of %d | %.1f |\n", p.Serve, p.Apps, share(p.Kept, p.Serve))
	fmt.Fprintf(&b, "| the smallest exceptions that the search found | %d of %d | %.1f |\n", len(truth.Apps), len(truth.Apps), share(possible, len(truth.Apps)))
	for _, fail := range p.Fail {
		name, how, _ := strings.Cut(fail, ": ")
		fmt.Fprintf(&b, "\n- %s: `%s`", name, strings.Join(strings.Fields(strings.Trim(how, ": ")), " "))
	}
	if len(p.Fail) > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

func applications(truth catalogue.Truth) string {
	var b strings.Builder
	b.WriteString("| application | serves under `hardened` | smallest profile under which it serves | because |\n|---|---|---|---|\n")
	for _, t := range truth.Apps {
		name, serves := t.Name, "yes"
		if t.HeldOut {
			name += " (held out)"
		}
		if !t.Works[catalogue.Without().String()] {
			serves = "no"
		}
		var causes []string
		for _, d := range t.Differs {
			causes = append(causes, fmt.Sprintf("%s: %s", d.Setting, d.Cause))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, serves, t.Smallest[0], strings.Join(causes, "; "))
	}
	return b.String()
}

func versions(truth catalogue.Truth) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(truth.Versions)) {
		parts = append(parts, name+" "+truth.Versions[name])
	}
	return fmt.Sprintf("Run on %s at commit %s, on %s.\n", truth.Date, truth.Commit, strings.Join(parts, ", "))
}
