// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/caseharden/caseharden/defaults"
)

// Each exception is a variable: the names of the containers that it matches, which are unique
// in a Pod.

func exceptionName(i int) string { return fmt.Sprintf("exception%d", i+1) }

// inException returns the condition that an exception matches the container c.
func inException(i int) string { return "c.name in variables." + exceptionName(i) }

// canMatch reports whether an exception can match containers of the type.
func canMatch(e *defaults.Exception, t defaults.ContainerType) bool {
	return len(e.Match.ContainerTypes) == 0 || slices.Contains(e.Match.ContainerTypes, t)
}

// exceptionVariables returns the variables of all exceptions.
func (s *scope) exceptionVariables() []variable {
	var all []variable
	for i := range s.profile.Exceptions {
		e := &s.profile.Exceptions[i]
		var names []string
		for _, l := range s.decided {
			if canMatch(e, l.ofType) {
				names = append(names, fmt.Sprintf("%s.filter(c, %s).map(c, c.name)", l.list(), matches(i, &e.Match)))
			}
		}
		if len(names) == 0 {
			continue
		}
		if len(e.Match.Images) > 0 {
			all = append(all, variable{
				name:    imagesName(i),
				comment: "Containers whose image is of " + strings.Join(globsOf(e.Match.Images), " or ") + ".",
				expression: fmt.Sprintf("variables.repositories.filter(r, (r[1] + \"/\").matches(%s)).map(r, r[0])",
					quote(patternOf(e.Match.Images))),
			})
		}
		all = append(all, variable{
			name:       exceptionName(i),
			comment:    "Containers of the exception: " + e.Reason,
			expression: strings.Join(names, "\n+ "),
		})
	}
	return all
}

func imagesName(i int) string { return fmt.Sprintf("images%d", i+1) }

// matches returns the condition that the container c is as an exception says, apart from its
// type.
func matches(i int, m *defaults.Match) string {
	var conditions []string
	if len(m.Containers) > 0 {
		conditions = append(conditions, "c.name.matches("+quote(patternOfNames(m.Containers))+")")
	}
	if m.Privileged {
		conditions = append(conditions, "c.?securityContext.?privileged.orValue(false)")
	}
	if m.AddsCapabilities {
		conditions = append(conditions, "c.?securityContext.?capabilities.?add.orValue([]).size() > 0")
	}
	if m.RunAsNonRoot {
		conditions = append(conditions, declaresNonRoot)
	}
	for _, label := range slices.Sorted(maps.Keys(m.PodLabels)) {
		conditions = append(conditions, fmt.Sprintf("%[1]s in variables.labels && variables.labels[%[1]s] == %[2]s", quote(label), quote(m.PodLabels[label])))
	}
	if len(m.Images) > 0 {
		conditions = append(conditions, "c.name in variables."+imagesName(i))
	}
	return allOf(conditions...)
}

// declaresNonRoot is the condition that the author declares runAsNonRoot: true for the container
// c. What an earlier pass filled in is no declaration of the author's.
const declaresNonRoot = `(has(c.securityContext) && has(c.securityContext.runAsNonRoot)
  ? c.securityContext.runAsNonRoot && !(c.name in variables.madeNonRoot)
  : variables.pod.?runAsNonRoot.orValue(false) && !variables.podMadeNonRoot)`

func globsOf(patterns []defaults.ImagePattern) []string {
	var globs []string
	for _, p := range patterns {
		globs = append(globs, p.Glob)
	}
	return globs
}

// patternOf returns the pattern that one of the patterns matches.
func patternOf(patterns []defaults.ImagePattern) string {
	var parts []string
	for _, p := range patterns {
		parts = append(parts, p.Expression)
	}
	return "^(" + strings.Join(parts, "|") + ")$"
}

// patternOfNames returns the regular expression of globs as path.Match has them.
func patternOfNames(globs []string) string {
	var parts []string
	for _, glob := range globs {
		parts = append(parts, patternOfGlob(glob))
	}
	return "^(" + strings.Join(parts, "|") + ")$"
}

// patternOfGlob translates a glob, which must be one that path.Match takes.
func patternOfGlob(glob string) string {
	var b strings.Builder
	inClass := false
	runes := []rune(glob)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == '\\':
			i++
			b.WriteString(regexp.QuoteMeta(string(runes[i])))
		case inClass:
			switch r {
			case ']':
				inClass = false
				b.WriteRune(r)
			case '-':
				b.WriteRune(r)
			default:
				b.WriteString(quotedInClass(r))
			}
		case r == '[':
			inClass = true
			b.WriteRune(r)
			if i+1 < len(runes) && runes[i+1] == '^' {
				b.WriteRune('^')
				i++
			}
		case r == '*':
			b.WriteString("[^/]*")
		case r == '?':
			b.WriteString("[^/]")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return b.String()
}

func quotedInClass(r rune) string {
	if strings.ContainsRune(`[]^-\:`, r) {
		return `\` + string(r)
	}
	return string(r)
}

// repositories returns the variable of the repositories that the images of containers name, in
// full, as profile.repositoryOf does: docker.io/library/nginx for nginx:1. A container whose
// image is no valid name has none.
func (s *scope) repositories() variable {
	var lists []string
	for _, l := range s.decided {
		lists = append(lists, l.list())
	}
	return variable{
		name: "repositories",
		comment: "Of each container: its name, and the repository of its image in full, such as\n" +
			"docker.io/library/nginx for nginx:1.",
		expression: fmt.Sprintf(`(%s)
.filter(c, c.?image.orValue("").matches(%s)
  && !c.image.matches("^[a-f0-9]{64}$")
  && (!c.image.contains("@") || c.image.matches("@(sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$")))
// Without tag and digest.
.map(c, [string(c.name), c.image.find("^([^/@]+/)*[^/:@]+")])
// The first part is a registry if it looks like a host.
.map(r, r[1].matches("^([^/]*[.:A-Z][^/]*|localhost)/") ? r : [r[0], "docker.io/" + r[1]])
.map(r, r[1].startsWith("index.docker.io/") ? [r[0], r[1].substring(6)] : r)
.map(r, r[1].matches("^docker[.]io/[^/]+$") ? [r[0], "docker.io/library/" + r[1].substring(10)] : r)
.filter(r, r[1].matches("^[^/]+/.{1,255}$"))`, strings.Join(lists, " + "), quote(reference.ReferenceRegexp.String())),
	}
}
