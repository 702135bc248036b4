// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"regexp"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/evidence/known"
	"github.com/caseharden/caseharden/trial/narrow"
	"github.com/caseharden/caseharden/trial/watch"
)

// suspects are the groups that a cause speaks against, with weights.
var suspects = map[watch.Cause]map[string]int{
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

	paths        []string
	capabilities []string
	causes       map[watch.Cause]bool
}

// begin offers what is often right, and what is known of the image, before any copy has said
// anything. What is known may be wrong: it is tried as everything else is.
func (d *detective) begin() {
	d.causes = map[watch.Cause]bool{}
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

// consider takes what a copy said. A copy with a candidate that breaks suggests the next
// candidate: the same, with what its clues call for.
func (d *detective) consider(c narrow.Candidate, j watch.Judgement) {
	next := narrow.Candidate{}
	for group, answer := range c {
		next[group] = answer
	}
	for _, clue := range j.Clues {
		if clue.Container != d.book.container {
			continue
		}
		for group, weight := range suspects[clue.Cause] {
			if !d.causes[clue.Cause] {
				d.search.Suspect(group, weight)
			}
		}
		d.causes[clue.Cause] = true
		switch clue.Cause {
		case watch.ReadOnly:
			d.readOnly(clue, next)
		case watch.Denied:
			if c[userGroup] == "" {
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
	for group := range next {
		if !d.book.has(group) {
			delete(next, group)
		}
	}
	if j.Outcome == watch.Breaks && next.Key() != c.Key() {
		d.search.Suggest(next)
	}
}

// readOnly notes where the container wanted to write.
func (d *detective) readOnly(clue watch.Clue, next narrow.Candidate) {
	if dir := watch.Directory(clue.Path); dir != "" && !slices.Contains(d.paths, dir) {
		d.paths = append(d.paths, dir)
	}
	answer, ok := d.book.offerPaths(d.paths)
	if !ok {
		answer, ok = d.book.offerPaths([]string{"/run", "/tmp"})
	}
	if ok {
		d.search.Answer(rootGroup, answer)
		if next[rootGroup] != narrow.Leave {
			next[rootGroup] = answer.ID
		}
	}
}

// notPermitted notes which capabilities the container missed.
func (d *detective) notPermitted(clue watch.Clue, next narrow.Candidate) {
	for _, w := range capabilityWords {
		if w.words.MatchString(clue.Line) {
			d.capabilities = append(d.capabilities, w.capabilities...)
		}
	}
	// A program with a file capability cannot even be started. Of those, this is the most
	// common.
	if strings.Contains(clue.Line, "exec") && len(d.capabilities) == 0 {
		d.capabilities = []string{"NET_BIND_SERVICE"}
	}
	if answer, ok := d.book.offerCapabilities(d.capabilities); ok {
		d.search.Answer(capabilitiesGroup, answer)
		if next[capabilitiesGroup] == "" {
			next[capabilitiesGroup] = answer.ID
		}
	} else if next[capabilitiesGroup] == "" {
		next[capabilitiesGroup] = narrow.Leave
	}
	// What needs capabilities to become another user needs to be root first.
	if next[userGroup] == "" && slices.Contains(d.capabilities, "SETUID") {
		next[userGroup] = narrow.Leave
	}
}

// suggestUser has the container run as its image's user, if that is not root.
func (d *detective) suggestUser(next narrow.Candidate) {
	if answer, ok := d.book.offerUser(d.user); ok {
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

// refine offers, next to an answer that works, those with one part less.
func (d *detective) refine(c narrow.Candidate) {
	e := d.book.answers[rootGroup][c[rootGroup]]
	for i := range e.WritablePaths {
		if answer, ok := d.book.offerPaths(slices.Delete(slices.Clone(e.WritablePaths), i, i+1)); ok {
			d.search.Answer(rootGroup, answer)
		}
	}
	e = d.book.answers[capabilitiesGroup][c[capabilitiesGroup]]
	for i := range e.Add {
		if answer, ok := d.book.offerCapabilities(slices.Delete(slices.Clone(e.Add), i, i+1)); ok {
			d.search.Answer(capabilitiesGroup, answer)
		}
	}
}
