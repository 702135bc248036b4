// SPDX-License-Identifier: Apache-2.0

package html

import (
	"cmp"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/preview"
)

// A meaning is a word of the report in a sentence.
type meaning struct {
	Word, Sentence string
}

// The outcomes, in the order in which the page shows them.
var outcomeMeanings = []meaning{
	{string(defaults.Inject), "The setting would be filled in, with the value that is shown."},
	{string(defaults.Leave), "The author of the manifest has decided, and that stays as it is."},
	{string(defaults.Skip), "The profile would have filled it in, but it must not: the reason is given."},
}

// A badge is a verdict as the page shows it.
type badge struct {
	Class, Word string
	rank        int
}

// badgeOf returns the badge of a verdict; that of none is empty.
func badgeOf(v evidence.Verdict, s evidence.Severity) badge {
	b := badge{Class: string(v), Word: string(v), rank: preview.Rank(v, s)}
	if v == evidence.Risk {
		b.Class, b.Word = string(s), string(s)+" risk"
	}
	return b
}

// verdictMeanings returns the verdicts, from the worst.
func verdictMeanings() []meaning {
	var all []meaning
	for _, m := range preview.VerdictMeanings() {
		all = append(all, meaning{string(m.Verdict), strings.ToUpper(m.Text[:1]) + m.Text[1:] + "."})
	}
	return all
}

// reasonMeanings returns the reasons, in the order in which defaults gives them.
func reasonMeanings() []meaning {
	var all []meaning
	for _, r := range defaults.Reasons() {
		all = append(all, meaning{string(r), r.Sentence()})
	}
	return all
}

// reasonSentence returns a reason in words, or names one that is not known.
func reasonSentence(reason string) string {
	return cmp.Or(defaults.Reason(reason).Sentence(), "The reason is "+reason+".")
}
