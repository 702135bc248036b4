// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/evidence/known"
	"github.com/caseharden/caseharden/trial/narrow"
	"github.com/caseharden/caseharden/trial/watch"
)

// suspects are the groups that a cause speaks against, with weights.
var suspects = map[watch.Symptom]map[string]int{
	watch.ReadOnly:     {rootGroup: 10},
	watch.Denied:       {userGroup: 6, capabilitiesGroup: 4},
	watch.NotPermitted: {capabilitiesGroup: 6, userGroup: 5, "allowPrivilegeEscalation": 3},
	watch.NeedsRoot:    {userGroup: 8},
	watch.NoUser:       {userGroup: 8},
	watch.BadCall:      {"seccompProfile": 10},
}

// capabilityWords say which capabilities a refused action needs.
var capabilityWords = []struct {
	words        *regexp.Regexp
	capabilities []string
}{
	{regexp.MustCompile(`(?i)\bchown|lchown|change (the )?owner|owner(ship)?\b`), []string{"CHOWN"}},
	{regexp.MustCompile(`(?i)setuid|seteuid|setresuid|setgroups|setgid|setegid|setresgid|initgroups|su-exec|gosu|setpriv|runuser|switch user|change (to )?user|drop(ping)? privileges|\bsu\b`), []string{"SETGID", "SETUID"}},
	{regexp.MustCompile(`(?i)\bbind\b|listen`), []string{"NET_BIND_SERVICE"}},
	{regexp.MustCompile(`(?i)chroot`), []string{"SYS_CHROOT"}},
	{regexp.MustCompile(`(?i)chmod|utime`), []string{"FOWNER"}},
	{regexp.MustCompile(`(?i)\bping\b|raw socket`), []string{"NET_RAW"}},
	{regexp.MustCompile(`(?i)mknod`), []string{"MKNOD"}},
	{regexp.MustCompile(`(?i)\bkill\b|signal`), []string{"KILL"}},
}

// startAsRoot are the capabilities of an entrypoint that gives files to a user, and then
// becomes that user.
var startAsRoot = []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}

// A detective turns the clues of one container into answers, and remembers them.
type detective struct {
	book   *book
	search *narrow.Search
	user   int64 // as whom the control's container runs; 0: root, or unknown

	paths        []string // that an observer saw the container write to
	covered      []string // directories with files that the container needs
	capabilities []string
	symptoms     map[watch.Symptom]bool
}

// begin offers what is often right, and what is known of the image, before any copy has said
// anything. What is known may be wrong: it is tried as everything else is.
func (d *detective) begin() {
	d.symptoms = map[watch.Symptom]bool{}
	if facts, found := known.For(d.book.image); found {
		d.beginWith(facts)
	}
	d.offer(userGroup, d.user)
	if answer, ok := d.book.offerCapabilities(startAsRoot); ok {
		d.search.Answer(capabilitiesGroup, answer)
	}
	for _, paths := range [][]string{{"/tmp"}, {"/run", "/tmp"}} {
		if answer, ok := d.book.offerPaths(paths); ok {
			d.search.Answer(rootGroup, answer)
		}
	}
}

// beginWith offers what is known of the image, and suggests all of it at once.
func (d *detective) beginWith(facts *evidence.Known) {
	suggested := narrow.Candidate{}
	if facts.UID != nil && d.user == 0 {
		d.user = *facts.UID
	}
	if answer, ok := d.book.offerUser(d.user); ok && !facts.AnyUser {
		d.search.Answer(userGroup, answer)
		suggested[userGroup] = answer.ID
	}
	if answer, ok := d.book.offerPaths(facts.Writes); ok {
		d.search.Answer(rootGroup, answer)
		suggested[rootGroup] = answer.ID
	}
	if answer, ok := d.book.offerCapabilities(append(slices.Clone(facts.Capabilities), facts.FileCapabilities...)); ok {
		d.search.Answer(capabilitiesGroup, answer)
	}
	if len(suggested) > 0 {
		d.search.Suggest(suggested)
	}
}

func (d *detective) offer(group string, uid int64) {
	if answer, ok := d.book.offerUser(uid); ok {
		d.search.Answer(group, answer)
	}
}

// consider takes what a copy said. A copy with a candidate that breaks suggests the next ones:
// the same, with what its last words call for, and with what all of its clues call for. What
// an application says in passing may be harmless, and a volume hides files of the image.
func (d *detective) consider(c narrow.Candidate, j watch.Judgement) {
	all := maps.Clone(c)
	if all == nil {
		all = narrow.Candidate{}
	}
	for _, clue := range j.Clues {
		if clue.Container != d.book.container {
			continue
		}
		for group, weight := range suspects[clue.Symptom] {
			if !d.symptoms[clue.Symptom] {
				d.search.Suspect(group, weight)
			}
		}
		d.symptoms[clue.Symptom] = true
		if j.Outcome == watch.Breaks {
			d.answer(clue, all)
		}
	}
	if j.Outcome != watch.Breaks {
		return
	}
	d.suggest(c, all)
	for _, clue := range j.Clues {
		if clue.Container == d.book.container && clue.Line == j.Line {
			next := maps.Clone(c)
			if next == nil {
				next = narrow.Candidate{}
			}
			d.answer(clue, next)
			d.suggest(c, next)
		}
	}
	d.hidden(c, j.Line)
}

// suggest suggests what is another candidate, without what the profile does not fill in.
func (d *detective) suggest(c, next narrow.Candidate) {
	for group := range next {
		if !d.book.has(group) {
			delete(next, group)
		}
	}
	if next.Key() != c.Key() {
		d.search.Suggest(next)
	}
}

// answer changes a candidate by what a clue calls for.
func (d *detective) answer(clue watch.Clue, next narrow.Candidate) {
	switch clue.Symptom {
	case watch.ReadOnly:
		d.readOnly(clue, next)
	case watch.Denied:
		switch {
		case next[userGroup] == narrow.Leave:
			d.keep(append([]string{"DAC_OVERRIDE"}, d.kept(next)...), next)
		default:
			d.denied(clue, next)
			d.suggestUser(next)
		}
	case watch.NotPermitted:
		d.notPermitted(clue, next)
	case watch.NeedsRoot, watch.NoUser:
		d.suggestUser(next)
	case watch.BadCall:
		next["seccompProfile"] = narrow.Leave
	}
}

// notPermitted notes which capabilities the container missed.
func (d *detective) notPermitted(clue watch.Clue, next narrow.Candidate) {
	// A program with a file capability cannot even be started. Of those, this is the most
	// common.
	if strings.Contains(clue.Line, "exec") {
		d.keep([]string{"NET_BIND_SERVICE"}, next)
		return
	}
	for _, w := range capabilityWords {
		if w.words.MatchString(clue.Line) {
			d.capabilities = append(d.capabilities, w.capabilities...)
		}
	}
	if slices.Contains(d.capabilities, "CHOWN") || slices.Contains(d.capabilities, "SETUID") {
		// Only root has capabilities: as another user these would not be effective. What an
		// entrypoint needs of them comes together.
		d.suggestImageUser(next)
		if d.book.has(userGroup) {
			next[userGroup] = narrow.Leave
		}
		d.keep(startAsRoot, next)
		return
	}
	d.keep(d.capabilities, next)
}

// keep has a candidate keep capabilities, or all of them if none is known.
func (d *detective) keep(capabilities []string, next narrow.Candidate) {
	if next[capabilitiesGroup] == narrow.Leave {
		return
	}
	answer, ok := d.book.offerCapabilities(append(slices.Clone(capabilities), d.kept(next)...))
	if !ok {
		next[capabilitiesGroup] = narrow.Leave
		return
	}
	d.search.Answer(capabilitiesGroup, answer)
	next[capabilitiesGroup] = answer.ID
}

// kept returns the capabilities that a candidate keeps.
func (d *detective) kept(c narrow.Candidate) []string {
	return d.book.answers[capabilitiesGroup][c[capabilitiesGroup]].Add
}

// suggestImageUser suggests the same with the image's user, if that is known and not tried.
func (d *detective) suggestImageUser(c narrow.Candidate) {
	answer, ok := d.book.offerUser(d.user)
	if !ok || c[userGroup] != "" {
		return
	}
	d.search.Answer(userGroup, answer)
	as := narrow.Candidate{userGroup: answer.ID}
	if paths, found := c[rootGroup]; found {
		as[rootGroup] = paths
	}
	d.search.Suggest(as)
}

// suggestUser has the container run as its image's user, or, if that is root or was tried
// already, as the image has it.
func (d *detective) suggestUser(next narrow.Candidate) {
	if answer, ok := d.book.offerUser(d.user); ok && next[userGroup] == "" {
		d.search.Answer(userGroup, answer)
		next[userGroup] = answer.ID
		return
	}
	next[userGroup] = narrow.Leave
	// Root without capabilities can do less than a user.
	if next[capabilitiesGroup] == "" {
		if answer, ok := d.book.offerCapabilities(startAsRoot); ok {
			next[capabilitiesGroup] = answer.ID
		}
	}
}
