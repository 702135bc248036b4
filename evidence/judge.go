// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Judge returns what breaks or may break in a container under the whole profile, by what is
// known of it beyond its manifest, in the order of the IDs.
func Judge(c *Container, f *Facts) []Finding {
	var found []Finding
	switch {
	case f.Image != nil && f.Image.Files != nil:
		found = judgeImage(c, f)
	case f.Image != nil:
		found = append(judgeKnown(c, f), judgeImageUser(c, f.Image, nil)...)
		found = once(found, imageUserRefused.ID)
	default:
		found = append(judgeKnown(c, f), judgeUnread(c, f)...)
	}
	found = append(found, judgePorts(c, f)...)
	found = append(found, judgeStatus(c, f)...)
	slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Compare(a.ID, b.ID) })
	return found
}

// once keeps the surest of the findings of a cause.
func once(found []Finding, id string) []Finding {
	breaks := slices.ContainsFunc(found, func(f Finding) bool { return f.ID == id && f.Verdict == Breaks })
	return slices.DeleteFunc(found, func(f Finding) bool { return f.ID == id && f.Verdict != Breaks && breaks })
}

// judgeImage follows the container under the whole profile and as its manifest has it: what
// is in the way only under the profile is found, with the settings in which the smallest
// working profile differs.
func judgeImage(c *Container, f *Facts) []Finding {
	s := newStudy(c, f)
	found := judgeImageUser(c, f.Image, s.named(s.plain))
	before, known := s.under(c.Before, nil)
	if !known {
		return found // it does not start in any case
	}
	for _, main := range before.mains {
		if main.uid != 0 && !slices.Contains(s.mainUsers, main.uid) {
			s.mainUsers = append(s.mainUsers, main.uid)
		}
	}
	profile, _ := s.under(c.After, nil)
	profile.hiddenFiles()
	troubles := withoutBaseline(profile.troubles, before.troubles)
	if len(troubles) == 0 {
		return found
	}
	for _, t := range ofCause(troubles, writablePathHides) { // no change is worth it by itself
		if slices.ContainsFunc(troubles, func(other trouble) bool { return other.cause == programNotExecutable && within(other.key, t.key) }) {
			continue // the files are the program
		}
		hidden := s.finding([]trouble{t}, writablePathHides.Settings, &candidate{}, true)
		found = append(found, hidden)
	}
	best := s.smallest(s.users(before), profile, before.troubles)
	return append(found, s.findings(troubles, best, before.troubles)...)
}

// findings makes one finding of the troubles of each cause. A setting in which the profile
// differs for none of them is found for what is in the way without the difference.
func (s *study) findings(troubles []trouble, best *candidate, baseline []trouble) []Finding {
	var found []Finding
	var answered []string
	for _, cause := range causes {
		of := ofCause(troubles, cause)
		if len(of) == 0 || cause == writablePathHides {
			continue
		}
		settings := s.answers(of, best, baseline)
		if len(settings) == 0 && s.remains(of[0], best) {
			if all := profiledOf(s.c).fields(); len(all) > 0 {
				found = append(found, s.finding(of, all, &candidate{}, true))
			}
			continue
		}
		answered = append(answered, settings...)
		if len(settings) == 0 || cause == directoryOfOthers && onlyWritable(settings, troubles) {
			continue
		}
		found = append(found, s.finding(of, settings, best, true))
	}
	for _, field := range best.fields() {
		if slices.Contains(answered, field) {
			continue
		}
		less := best.without(field)
		r, _ := s.under(s.c.with(less), less.writable)
		again := withoutBaseline(r.troubles, baseline)
		for _, cause := range causes {
			if cause == directoryOfOthers && onlyWritable([]string{field}, again) {
				continue
			}
			if of := ofCause(again, cause); len(of) > 0 && of[0].weight() > 0 {
				found = append(found, s.finding(of, []string{field}, best, false))
			}
		}
	}
	return found
}

// remains reports whether a proven trouble is in the way under the smallest change, too.
func (s *study) remains(t trouble, best *candidate) bool {
	r, ok := s.under(s.c.with(best), best.writable)
	return t.proven && ok && slices.ContainsFunc(r.troubles, func(o trouble) bool { return o.cause == t.cause && o.key == t.key })
}

func ofCause(troubles []trouble, cause *Cause) []trouble {
	of := slices.DeleteFunc(slices.Clone(troubles), func(t trouble) bool { return t.cause != cause })
	slices.SortStableFunc(of, func(a, b trouble) int { return cmp.Compare(b.weight(), a.weight()) })
	return of
}

// finding makes a finding of the troubles of a cause. It breaks only if one of them is
// proven under the profile as it is.
func (s *study) finding(of []trouble, settings []string, best *candidate, asItIs bool) Finding {
	f := Finding{
		ID: of[0].cause.ID, Container: s.c.Name, Settings: settings, Verdict: Risk, Severity: of[0].severity,
		What: summary(of), Fix: of[0].cause.Fix, Exception: best.only(settings),
	}
	if of[0].proven && asItIs && !s.c.Sandboxed && !s.plain.work.spent() {
		f.Verdict, f.Severity = Breaks, High
	}
	if f.Exception != nil {
		f.Fix = f.Exception.fix()
	}
	for _, t := range of[:min(len(of), 6)] {
		f.Evidence = append(f.Evidence, t.items...)
	}
	return f
}

// onlyWritable reports whether writable paths answer a directory of another user. Then the
// finding is that it is read-only.
func onlyWritable(settings []string, troubles []trouble) bool {
	return slices.Equal(settings, []string{readOnlyRoot}) &&
		slices.ContainsFunc(troubles, func(t trouble) bool { return t.cause == directoryReadOnly })
}

// answers returns the settings whose change answers troubles: without the change of one of
// them, something of it is in the way again.
func (s *study) answers(of []trouble, best *candidate, baseline []trouble) []string {
	var settings []string
	if r, ok := s.under(s.c.with(best), best.writable); ok {
		of = withoutBaseline(of, r.troubles) // what no change is worth is not answered
	}
	for _, field := range best.fields() {
		less := best.without(field)
		r, ok := s.under(s.c.with(less), less.writable)
		if !ok {
			continue
		}
		back := slices.ContainsFunc(withoutBaseline(r.troubles, baseline), func(t trouble) bool {
			return slices.ContainsFunc(of, func(o trouble) bool { return o.cause == t.cause && o.key == t.key })
		})
		if back {
			settings = append(settings, field)
		}
	}
	if slices.Contains(settings, runAsUser) && slices.Contains(best.leave, runAsNonRoot) && !slices.Contains(settings, runAsNonRoot) {
		settings = append(settings, runAsNonRoot) // the kubelet would refuse root
		slices.Sort(settings)
	}
	return settings
}

// summary says in one sentence what is in the way.
func summary(of []trouble) string {
	if len(of) == 1 {
		return of[0].what
	}
	return fmt.Sprintf("%s; and %d more like it", of[0].what, len(of)-1)
}

// fix says what an exception does.
func (e *Exception) fix() string {
	var parts []string
	if uid, is := e.Container[runAsUser]; is {
		parts = append(parts, fmt.Sprintf("set runAsUser: %s in the manifest", uid))
	}
	if slices.Contains(e.Leave, runAsUser) && !slices.Contains(e.Leave, runAsNonRoot) {
		parts = append(parts, "keep the image's own user: except the image from runAsUser in the profile")
	}
	if slices.Contains(e.Leave, runAsUser) && slices.Contains(e.Leave, runAsNonRoot) {
		parts = append(parts, "set runAsUser: 0 in the manifest")
	}
	if slices.Contains(e.Leave, runAsNonRoot) && !slices.Contains(e.Leave, runAsUser) {
		parts = append(parts, "set runAsUser to a UID other than 0 in the manifest, or runAsNonRoot: false if it has to be root")
	}
	if slices.Contains(e.Leave, runAsGroup) {
		parts = append(parts, "set runAsGroup to the group of the image's files in the manifest, or except the image from runAsGroup in the profile")
	}
	if slices.Contains(e.Leave, capabilitiesDrop) {
		parts = append(parts, "except the image from capabilities.drop in the profile, or list what it needs in capabilities.add in the manifest")
	}
	if slices.Contains(e.Leave, noEscalation) {
		parts = append(parts, "set allowPrivilegeEscalation: true in the manifest")
	}
	if len(e.WritablePaths) > 0 {
		parts = append(parts, fmt.Sprintf("mount an emptyDir at %s, or give the profile these writablePaths for the image", strings.Join(e.WritablePaths, ", ")))
	}
	if slices.Contains(e.Leave, readOnlyRoot) {
		parts = append(parts, "set readOnlyRootFilesystem: false in the manifest")
	}
	return strings.Join(parts, "; ")
}
