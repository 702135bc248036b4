// SPDX-License-Identifier: Apache-2.0

package html

import (
	"cmp"

	"github.com/caseharden/caseharden/defaults"
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
