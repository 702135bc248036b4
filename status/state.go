// SPDX-License-Identifier: Apache-2.0

package status

// A State says what became of the hardening of a Pod.
type State string

// The states, from the best.
const (
	Hardened     State = "hardened"
	ByAuthor     State = "by-author"
	NotEnforced  State = "not-enforced"
	Older        State = "older"
	OtherProfile State = "other-profile"
	NotSelected  State = "not-selected"
	UnknownAge   State = "unknown-age"
	NoProfile    State = "unknown-profile"
	Changed      State = "changed"
	NotReviewed  State = "not-reviewed"
)

// A stateText is a state in words.
type stateText struct {
	state    State
	lacks    bool // the Pod lacks settings of an enforced profile
	short    string
	sentence string
}

var states = []stateText{
	{Hardened, false, "hardened", "The record says that the webhook filled settings in, and the spec holds everything that the profile asks for."},
	{ByAuthor, false, "by author", "There is nothing to fill in: the author set it all, or the profile skips it."},
	{NotEnforced, false, "not enforced", "The namespace only warns or audits."},
	{Older, true, "older", "The Pod lacks settings. It was created before the namespace got its label, or before the webhook was installed."},
	{OtherProfile, true, "other profile", "Another profile, or another version of it, hardened the Pod, and the Pod lacks settings of the current one."},
	{NotSelected, true, "not selected", "The Pod lacks settings. The selectors of the webhook configuration exclude it."},
	{UnknownAge, true, "age unknown", "The Pod lacks settings. Nobody can tell whether it is older than the label, since the time of the label is not known."},
	{NoProfile, false, "profile unknown", "The profile is not known here, so the Pod cannot be compared with it: give --profiles."},
	{Changed, true, "changed", "The record names settings that the spec does not hold as the profile has them: somebody changed them after the webhook, or the profile is another one now."},
	{NotReviewed, true, "not reviewed", "The Pod lacks settings, and was created after the label and the webhook: the API server could not call the webhook and admitted the Pod as it was (fail-open), or a match condition excludes it."},
}

// States returns all states, from the best.
func States() []State {
	var all []State
	for _, s := range states {
		all = append(all, s.state)
	}
	return all
}

func (s State) text() stateText {
	for _, known := range states {
		if known.state == s {
			return known
		}
	}
	return stateText{short: string(s)}
}

// Short returns the state in a few words.
func (s State) Short() string { return s.text().short }

// Sentence says what the state means.
func (s State) Sentence() string { return s.text().sentence }

// lacks reports whether a Pod in this state lacks settings of an enforced profile.
func (s State) lacks() bool { return s.text().lacks }
