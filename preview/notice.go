// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/mutate"
)

// A NoticeKind says why somebody should look at an exception again.
type NoticeKind string

const (
	Unused  NoticeKind = "unused"  // no workload of the preview needs it
	Overdue NoticeKind = "overdue" // the day of its reviewBy is past
)

// A Notice is about an exception of a profile that is read from a file.
type Notice struct {
	Kind   NoticeKind `json:"kind"`
	Place  string     `json:"place"` // where the exception is written, such as legacy.yaml:12
	Reason string     `json:"reason"`
	Owner  string     `json:"owner,omitempty"`
	Text   string     `json:"text"` // one sentence
}

// notices returns the notices about the exceptions of a profile, in their order. The needed
// ones are those that had an effect on a workload. Without a day, none is overdue; without
// workloads, none is unused.
func notices(profile *defaults.Profile, needed map[*defaults.Exception]bool, today string, workloads int) []Notice {
	all := []Notice{}
	for i := range profile.Exceptions {
		e := &profile.Exceptions[i]
		add := func(kind NoticeKind, sentence string) {
			all = append(all, Notice{Kind: kind, Place: e.Place, Reason: e.Reason, Owner: e.Owner, Text: sentence})
		}
		if e.Place == "" {
			continue // of a built-in profile
		}
		if e.Overdue(today) {
			add(Overdue, OverdueText(e))
		}
		if workloads > 0 && !needed[e] {
			add(Unused, "no workload of this preview needs the exception")
		}
	}
	return all
}

// mostNotices is how many notices an output for people shows.
const mostNotices = 10

// NoticeLines returns the notices in a line each, the overdue ones first, and how many more
// there are.
func (r *Report) NoticeLines() (lines []string, more int) {
	for _, kind := range []NoticeKind{Overdue, Unused} {
		for _, n := range r.Notices {
			if n.Kind == kind && len(lines) < mostNotices {
				lines = append(lines, DescribeException(n.Place, n.Text, n.Reason, n.Owner))
			}
		}
	}
	return lines, len(r.Notices) - len(lines)
}

// DescribeException says something of an exception, so that people know which is meant.
func DescribeException(place, what, reason, owner string) string {
	about := fmt.Sprintf("%s: %s (reason: %s", place, what, reason)
	if owner != "" {
		about += "; owner: " + owner
	}
	return text.Visible(about + ")")
}

// OverdueText says that an exception is overdue.
func OverdueText(e *defaults.Exception) string {
	return "the exception should have been reviewed by " + e.ReviewBy
}

// needed returns the exceptions that have an effect in a change.
func needed(change *mutate.Change) []*defaults.Exception {
	var all []*defaults.Exception
	for _, d := range change.Decisions {
		if d.Exception != nil {
			all = append(all, d.Exception)
		}
	}
	for _, m := range change.Mounts {
		if m.Exception != nil {
			all = append(all, m.Exception)
		}
	}
	return all
}
