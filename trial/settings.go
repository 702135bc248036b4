// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/trial/narrow"
	"github.com/caseharden/caseharden/trial/plan"
)

// Groups of fields that are answered together: a user and that it is not root.
const (
	userGroup         = "user"
	rootGroup         = "readOnlyRootFilesystem"
	capabilitiesGroup = "capabilities.drop"
)

// groupOf returns the group of a field; most are alone.
func groupOf(field string) string {
	switch field {
	case "runAsUser", "runAsNonRoot", "runAsGroup":
		return userGroup
	}
	return field
}

// What answers cost: those that give up more of the profile cost more. Of each kind, the
// number of paths or capabilities comes on top.
const (
	costPaths        = 10
	costUser         = 20
	costCapabilities = 30
	costLeave        = 50
)

// costsOfLeaving are those that differ from costLeave: a container that is root can do the
// most harm.
var costsOfLeaving = map[string]int{userGroup: 90, capabilitiesGroup: 70, "allowPrivilegeEscalation": 45}

// A book holds, for one container, what the settings are and what each answer stands for.
type book struct {
	container string
	image     string
	fields    map[string][]string // of each group, as the profile fills them in
	groups    []string
	own       []string                                 // fields at container level
	answers   map[string]map[string]evidence.Exception // by group and answer
}

// newBook returns the settings of one container.
func newBook(container, image string, settings []plan.Setting) *book {
	b := &book{container: container, image: image, fields: map[string][]string{}, answers: map[string]map[string]evidence.Exception{}}
	for _, s := range settings {
		// A container also decides about what the pod has: it can leave that as well.
		if s.Container != container && s.Container != "" {
			continue
		}
		if s.Container != "" {
			b.own = append(b.own, s.Field)
		}
		group := groupOf(s.Field)
		if b.fields[group] == nil {
			b.groups = append(b.groups, group)
			b.answers[group] = map[string]evidence.Exception{}
		}
		if !slices.Contains(b.fields[group], s.Field) {
			b.fields[group] = append(b.fields[group], s.Field)
		}
	}
	for _, group := range b.groups {
		b.answers[group][narrow.Leave] = evidence.Exception{Leave: b.fields[group]}
	}
	return b
}

// settings returns what a search begins with: every group can be left.
func (b *book) settings() []narrow.Setting {
	var all []narrow.Setting
	for _, group := range b.groups {
		cost := costLeave
		if c, found := costsOfLeaving[group]; found {
			cost = c
		}
		all = append(all, narrow.Setting{ID: group, Answers: []narrow.Alternative{{ID: narrow.Leave, Cost: cost}}})
	}
	return all
}

// has reports whether the profile fills in something of a group.
func (b *book) has(group string) bool { return b.fields[group] != nil }

// offerPaths offers directories to keep writable below a read-only root.
func (b *book) offerPaths(paths []string) (narrow.Alternative, bool) {
	paths = outermost(paths)
	if len(paths) == 0 || !b.has(rootGroup) {
		return narrow.Alternative{}, false
	}
	id := "writable " + strings.Join(paths, " ")
	b.answers[rootGroup][id] = evidence.Exception{WritablePaths: paths}
	return narrow.Alternative{ID: id, Cost: costPaths + len(paths)}, true
}

// outermost returns the paths that are not below others, sorted, at most as many as a
// profile may have.
func outermost(paths []string) []string {
	const most = 16
	sorted := slices.Clone(paths)
	slices.Sort(sorted)
	var kept []string
	for _, p := range slices.Compact(sorted) {
		if !slices.ContainsFunc(kept, func(above string) bool { return strings.HasPrefix(p, above+"/") }) {
			kept = append(kept, p)
		}
	}
	return kept[:min(len(kept), most)]
}

// offerUser offers another user than the profile's.
func (b *book) offerUser(uid int64) (narrow.Alternative, bool) {
	if uid <= 0 || !slices.Contains(b.fields[userGroup], "runAsUser") {
		return narrow.Alternative{}, false
	}
	id := "user " + strconv.FormatInt(uid, 10)
	b.answers[userGroup][id] = evidence.Exception{Container: map[string]json.RawMessage{"runAsUser": json.RawMessage(strconv.FormatInt(uid, 10))}}
	return narrow.Alternative{ID: id, Cost: costUser}, true
}

// offerCapabilities offers to drop all but some of the capabilities that containers have by
// default.
func (b *book) offerCapabilities(kept []string) (narrow.Alternative, bool) {
	kept = slices.Compact(slices.Sorted(slices.Values(kept)))
	kept = slices.DeleteFunc(kept, func(c string) bool { return !slices.Contains(evidence.DefaultCapabilities(), c) })
	if len(kept) == 0 || !b.has(capabilitiesGroup) {
		return narrow.Alternative{}, false
	}
	id := "keep " + strings.Join(kept, " ")
	dropped := slices.DeleteFunc(evidence.DefaultCapabilities(), func(c string) bool { return slices.Contains(kept, c) })
	value, err := json.Marshal(map[string]any{"drop": dropped})
	if err != nil {
		panic(fmt.Sprintf("internal error: marshalling names: %s", err))
	}
	b.answers[capabilitiesGroup][id] = evidence.Exception{Container: map[string]json.RawMessage{"capabilities": value}, Add: kept}
	return narrow.Alternative{ID: id, Cost: costCapabilities + len(kept)}, true
}

// exception returns what a candidate stands for.
func (b *book) exception(c narrow.Candidate) evidence.Exception {
	e := evidence.Exception{Container: map[string]json.RawMessage{}}
	for _, group := range b.groups {
		answer, found := c[group]
		if !found {
			continue
		}
		one := b.answers[group][answer]
		e.Leave = append(e.Leave, one.Leave...)
		e.WritablePaths = append(e.WritablePaths, one.WritablePaths...)
		e.Add = append(e.Add, one.Add...)
		for name, value := range one.Container {
			e.Container[name] = value
		}
	}
	return e
}

// words says what a candidate does differently.
func (b *book) words(c narrow.Candidate) string {
	if len(c) == 0 {
		return "all settings"
	}
	var parts []string
	for _, group := range b.groups {
		if answer, found := c[group]; found {
			parts = append(parts, answerWords(group, answer, b.fields[group]))
		}
	}
	if len(parts) == len(b.groups) && !slices.ContainsFunc(b.groups, func(g string) bool { return c[g] != narrow.Leave }) {
		return "nothing of the profile"
	}
	return strings.Join(parts, ", ")
}

func answerWords(group, answer string, fields []string) string {
	switch {
	case answer == narrow.Leave:
		return "without " + strings.Join(fields, ", ")
	case group == userGroup:
		return "as " + answer
	case group == capabilitiesGroup:
		return "drop all but " + strings.ReplaceAll(strings.TrimPrefix(answer, "keep "), " ", ", ")
	}
	return answer
}
