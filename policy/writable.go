// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/mutate"
)

// volumeNames is how many names are tried for the volume of a path. Where a Pod has volumes of
// its own with all of these names, the path is not mounted.
const volumeNames = 9

// writableName is the name of the variable with the paths to mount in the containers of a list.
func writableName(l containerList) string { return l.ofType.List() + "Paths" }

// writablePaths returns all paths of the profile and of its exceptions, each once.
func writablePaths(p *defaults.Profile) []defaults.WritablePath {
	all := slices.Clone(p.WritablePaths)
	for i := range p.Exceptions {
		for _, w := range p.Exceptions[i].WritablePaths {
			if !slices.Contains(all, w) {
				all = append(all, w)
			}
		}
	}
	return all
}

// mountsPaths reports whether containers of the list can get mounts.
func (s *scope) mountsPaths(l containerList) bool {
	return len(writablePaths(s.profile)) > 0 && l.ofType != defaults.Ephemeral &&
		len(s.choices(defaults.FieldByName("readOnlyRootFilesystem"), l.ofType)) > 0
}

// uncovered returns the list of the paths that no mount of the container c covers: of the first
// exception that matches it and has paths, and of the profile.
func (s *scope) uncovered(t defaults.ContainerType) string {
	expression := uncoveredOf(s.profile.WritablePaths)
	for i, e := range slices.Backward(s.profile.Exceptions) {
		if len(e.WritablePaths) == 0 || !canMatch(&e, t) {
			continue
		}
		paths := slices.Clone(e.WritablePaths)
		for _, w := range s.profile.WritablePaths {
			if !slices.ContainsFunc(paths, func(own defaults.WritablePath) bool { return own.Path == w.Path }) {
				paths = append(paths, w)
			}
		}
		expression = choose(inException(i), uncoveredOf(paths), expression)
	}
	return "(" + expression + ")"
}

func uncoveredOf(all []defaults.WritablePath) string {
	var paths []string
	for _, w := range all {
		pattern := quote(coverPattern(w.Path))
		paths = append(paths, fmt.Sprintf("?c.?volumeMounts.orValue([]).exists(m, m.mountPath.matches(%[1]s))\n"+
			"    || c.?volumeDevices.orValue([]).exists(d, d.devicePath.matches(%[1]s)) ? optional.none() : optional.of(%[2]s)", pattern, quote(w.Path)))
	}
	if len(paths) == 0 {
		return "[]"
	}
	return "[\n    " + strings.Join(paths, ",\n    ") + "]"
}

// coverPattern returns the pattern of the paths that are the given one or above it, in every
// spelling without "..": /tmp, tmp, //tmp/, ./tmp/. and so on.
func coverPattern(path string) string {
	const between = `/+(\.?/+)*`
	below := ""
	components := strings.Split(strings.Trim(path, "/"), "/")
	for i := len(components) - 1; i >= 0; i-- {
		name := regexp.QuoteMeta(components[i])
		if below != "" {
			below = "(" + between + below + ")?"
		}
		below = name + below
	}
	return `^(\.?/+)*(\.?|` + below + `(` + between + `\.?)?)$`
}

// writable returns the variables about the paths to mount.
func (s *scope) writable() []variable {
	var variables []variable
	var lists []string
	for _, l := range s.decided {
		if !s.mountsPaths(l) {
			continue
		}
		variables = append(variables, variable{
			name:    writableName(l),
			comment: "Where each of the " + string(l.ofType) + " containers gets an emptyDir.",
			expression: fmt.Sprintf("%s.transformList(i, c, !(\"readOnlyRootFilesystem\" in variables.%s[i]) ? [] : %s\n  .filter(p, variables.volumeFor[p] != \"\"))",
				l.list(), l.ofType.List(), s.uncovered(l.ofType)),
		})
		lists = append(lists, "variables."+writableName(l))
	}
	if len(lists) == 0 {
		return nil
	}
	var names, volumes []string
	for _, w := range writablePaths(s.profile) {
		base := mutate.VolumeName(w.Path)
		candidates := []string{base}
		for n := 2; n <= volumeNames; n++ {
			candidates = append(candidates, fmt.Sprintf("%s-%d", base, n))
		}
		names = append(names, fmt.Sprintf("%s: %s.filter(n, !variables.volumes.exists(v, v.name == n && !(has(v.emptyDir)\n    && !has(v.emptyDir.medium) && string(v.emptyDir.?sizeLimit.orValue(\"\")) == %s)))[?0].orValue(\"\")",
			quote(w.Path), list(candidates), quote(w.SizeLimit)))
		emptyDir := "{}"
		if w.SizeLimit != "" {
			emptyDir = `{"sizeLimit": ` + quote(w.SizeLimit) + "}"
		}
		volumes = append(volumes, fmt.Sprintf("%s: {\"name\": dyn(variables.volumeFor[%[1]s]), \"emptyDir\": dyn(%s)}", quote(w.Path), emptyDir))
	}
	before := []variable{
		{"volumes", "", s.pod + ".spec.?volumes.orValue([])"},
		{"volumeFor", "The name of the volume for each path: one that no volume has, or the emptyDir of an earlier pass.",
			"{\n  " + strings.Join(names, ",\n  ") + "\n}"},
	}
	return append(append(before, variables...), variable{
		name:    "newVolumes",
		comment: "The volumes that the Pod does not have yet, each once.",
		expression: "(" + strings.Join(lists, " + ") + ").flatten().distinct().filter(p, !variables.volumes.exists(v, v.name == variables.volumeFor[p]))\n" +
			".map(p, {\n  " + strings.Join(volumes, ",\n  ") + "\n}[p])",
	})
}
