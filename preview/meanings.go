// SPDX-License-Identifier: Apache-2.0

package preview

import "github.com/caseharden/caseharden/evidence"

// A VerdictMeaning says what a verdict means. The documentation and the page have the
// text from here.
type VerdictMeaning struct {
	Verdict evidence.Verdict
	Text    string
}

// VerdictMeanings are the meanings of all verdicts, from the worst.
func VerdictMeanings() []VerdictMeaning {
	return []VerdictMeaning{
		{evidence.Breaks, "proven: the container cannot start, or does not reach its main program"},
		{evidence.Risk, "a named reason, with a severity: high, medium or low. It may be wrong"},
		{evidence.Unknown, "no evidence. It does not mean that the setting is safe"},
		{evidence.Fits, "proven: the container runs so already, or a trial has shown it"},
	}
}
