// SPDX-License-Identifier: Apache-2.0

package evidence

// A Cause is what may break a container under a profile. Each [Finding] has one, by its ID.
type Cause struct {
	ID       string   // of a closed set
	Title    string   // a few words, for summaries and tables
	Settings []string // fields that it is most often about
	Severity Severity // as long as only the manifest is known; empty for a cause that rests on more
	When     string   // what makes it hold
	Because  string   // what breaks, and on what rule that rests
	Fix      string   // what to do about it
}

// Causes returns the causes that rest on more than the manifest, in the order of their IDs.
func Causes() []Cause {
	all := make([]Cause, len(causes))
	for i, c := range causes {
		all[i] = *c
	}
	return all
}

// causes are those causes, in the order of their IDs.
var causes = []*Cause{
	directoryOfOthers,
	directoryReadOnly,
	entrypointNeedsRoot,
	fileCapability,
	imageUnread,
	imageUserRefused,
	lowPort,
	noAccount,
	notRunningNow,
	programNotExecutable,
	setuidHelper,
	userNow,
	workingDirectoryClosed,
	writablePathHides,
}
