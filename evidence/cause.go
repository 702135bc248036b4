// SPDX-License-Identifier: Apache-2.0

package evidence

// A Cause is a kind of finding that rests on more than the manifest.
type Cause struct {
	ID       string   // of a closed set
	Title    string   // a few words, for summaries and tables
	Settings []string // fields that it is most often about
	When     string   // what makes it hold
	Because  string   // what breaks, and on what rule that rests
	Fix      string   // what to do about it
}

// Causes returns all causes, in the order of their IDs.
func Causes() []Cause {
	all := make([]Cause, len(causes))
	for i, c := range causes {
		all[i] = *c
	}
	return all
}

// causes are all causes, in the order of their IDs.
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
