// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strings"
	"unicode"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
)

// A mark stands for a verdict in the table. Only what is proven to work is green.
type mark struct {
	character string
	shade     shade
	meaning   string
}

// markOf returns the mark of a verdict:
//
//	B        breaks
//	H, M, L  risk, by severity
//	?        unknown
//	✓        fits
func markOf(v evidence.Verdict, s evidence.Severity) mark {
	switch {
	case v == evidence.Breaks:
		return mark{"B", alarm, "breaks"}
	case v == evidence.Risk && s == evidence.High:
		return mark{"H", red, "high risk"}
	case v == evidence.Risk && s == evidence.Medium:
		return mark{"M", yellow, "medium risk"}
	case v == evidence.Risk:
		return mark{"L", cyan, "low risk"}
	case v == evidence.Fits:
		return mark{"✓", green, "fits"}
	}
	return mark{"?", plain, "unknown"}
}

// notInjected is the mark of a setting that would be injected nowhere in a workload.
var notInjected = mark{"-", faint, "not injected: set already, or skipped"}

// marks are all marks, in the order of the legend.
func marks() []mark {
	all := []mark{markOf(evidence.Breaks, evidence.High)}
	for _, s := range []evidence.Severity{evidence.High, evidence.Medium, evidence.Low} {
		all = append(all, markOf(evidence.Risk, s))
	}
	return append(all, markOf(evidence.Unknown, ""), markOf(evidence.Fits, ""), notInjected)
}

// shortNames are the heads of columns for common settings. Other settings get the first
// letters of their words.
var shortNames = map[string]string{
	"allowPrivilegeEscalation": "PE",
	"capabilities.drop":        "CAP",
	"readOnlyRootFilesystem":   "RO",
	"runAsNonRoot":             "NR",
	"runAsUser":                "UID",
	"runAsGroup":               "GID",
	"seccompProfile":           "SEC",
	"appArmorProfile":          "AA",
	"seLinuxOptions":           "SEL",
	"fsGroup":                  "FSG",
}

// shortName returns the head of a setting's column.
func shortName(field string) string {
	if short := shortNames[field]; short != "" {
		return short
	}
	var b strings.Builder
	begins := true
	for _, r := range field {
		if begins || unicode.IsUpper(r) {
			b.WriteRune(unicode.ToUpper(r))
		}
		begins = r == '.'
	}
	return b.String()
}

// fullName returns the namespace and the name of a workload, and of which of its templates.
func fullName(w *preview.Workload) string {
	name := text.Visible(w.Name)
	if w.Namespace != "" {
		name = text.Visible(w.Namespace) + "/" + name
	}
	if w.Template != "" {
		name += ", " + text.Visible(w.Template)
	}
	return name
}

// capitalized returns a sentence with a capital letter and a full stop, without the marks
// that Markdown has around code.
func capitalized(words string) string { return sentence(strings.ReplaceAll(words, "`", "")) }

// sentence returns words with a capital letter and a full stop.
func sentence(words string) string {
	if words == "" {
		return ""
	}
	r := []rune(words)
	if len(r) == 1 || !unicode.IsUpper(r[1]) && !isIdentifier(words) {
		r[0] = unicode.ToUpper(r[0])
	}
	return strings.TrimSuffix(string(r), ".") + "."
}

// isIdentifier reports whether a sentence begins with a name in camel case.
func isIdentifier(sentence string) bool {
	word, _, _ := strings.Cut(sentence, " ")
	return strings.IndexFunc(word, unicode.IsUpper) > 0 || strings.ContainsAny(word, "._=/")
}
