// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/preview/answer"
	"github.com/caseharden/caseharden/preview/manifest"
)

// maxRounds bounds how often the profile that answers is previewed itself. Each round only
// adds to what is left, so that few are needed.
const maxRounds = 6

// Fit previews as [New] does, and then previews the profile that answers the findings, until
// that calls for nothing more. An exception may bring about another finding: an image that
// keeps its root user also needs root's capabilities. Only the answer of the report differs
// from that of New.
func Fit(base *defaults.Profile, inputs []manifest.Input, o Options) *Report {
	report := New(base, inputs, o)
	o.Progress = nil
	rounds := [][]answer.Container{answerContainers(report.Workloads)}
	for called := report.Answer; len(called.Exceptions) > 0 && len(rounds) < maxRounds; {
		next := New(report.Answer.Profile, inputs, o)
		rounds = append(rounds, answerContainers(next.Workloads))
		called, report.Answer = next.Answer, mustAnswer(base, rounds...)
	}
	return report
}

// mustAnswer makes the profile that answers the findings. It is valid, whatever they are.
func mustAnswer(base *defaults.Profile, rounds ...[]answer.Container) *answer.Answer {
	a, err := answer.New(base, rounds...)
	if err != nil {
		panic(fmt.Sprintf("internal error: the profile that answers the findings is not valid: %s", err))
	}
	return a
}
