// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
)

// ParseProfiles reads profiles, and returns them together with the built-in ones,
// in the order of their names. A base may be in any of the files.
//
// Reading is strict: what is unknown, repeated, or would weaken a pod is an error.
// The error joins a [*ProfileError] for everything that is wrong in all the files.
func ParseProfiles(files []ProfileFile) ([]*Profile, error) {
	own, err := builtinFiles()
	if err != nil {
		return nil, err
	}
	r := resolver{sources: map[string]*source{}, places: map[string]place{}, profiles: map[string]*Profile{}, resolving: map[string]bool{}}
	for _, file := range own {
		r.read(file, nil)
	}
	builtin := slices.Collect(maps.Keys(r.sources))
	for _, file := range files {
		r.read(file, builtin)
	}
	for _, name := range slices.Sorted(maps.Keys(r.sources)) {
		r.resolve(name)
	}
	for _, s := range r.broken {
		if s.base != "" {
			r.checkBase(s)
		}
	}
	if err := r.problems.err(); err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(r.profiles), func(a, b *Profile) int { return cmp.Compare(a.Name, b.Name) }), nil
}

func builtinFiles() ([]ProfileFile, error) {
	entries, err := builtins.ReadDir("profiles")
	if err != nil {
		return nil, err
	}
	var files []ProfileFile
	for _, entry := range entries {
		data, err := builtins.ReadFile("profiles/" + entry.Name())
		if err != nil {
			return nil, err
		}
		files = append(files, ProfileFile{Name: entry.Name(), Data: data})
	}
	return files, nil
}

// A resolver puts profiles together with their bases.
type resolver struct {
	problems  problems
	sources   map[string]*source // nil: its file has errors, which are reported
	places    map[string]place   // where each was found
	profiles  map[string]*Profile
	resolving map[string]bool
	broken    []*source // with errors, and a name
}

// read reads a file whose profiles must not have the taken names.
func (r *resolver) read(file ProfileFile, taken []string) {
	before := len(r.problems)
	all := documents(file, &r.problems)
	if len(all) == 0 && len(r.problems) == before {
		r.problems = append(r.problems, &ProfileError{File: file.Name, Line: 1, Message: "holds no profile"})
	}
	for _, document := range all {
		s, ok := readSource(document)
		if s.name == "" {
			continue
		}
		if slices.Contains(taken, s.name) {
			document.errorf("metadata.name: %s is the name of a built-in profile: choose another, and name that as base", s.name)
			continue
		}
		if _, found := r.sources[s.name]; found {
			document.errorf("metadata.name: a profile %s is in %s:%d too", s.name, r.places[s.name].file, r.places[s.name].node.Line)
			continue
		}
		r.sources[s.name], r.places[s.name] = s, s.at
		if !ok {
			r.sources[s.name] = nil
			r.broken = append(r.broken, s)
		}
	}
}

// resolve returns a profile, complete with its base; nil where it cannot be,
// which is reported.
func (r *resolver) resolve(name string) *Profile {
	s := r.sources[name]
	if p := r.profiles[name]; p != nil || s == nil {
		return p
	}
	base := &Profile{}
	if s.base != "" {
		if base = r.resolveBase(s); base == nil {
			r.sources[name] = nil
			return nil
		}
	}
	if s.base == "" {
		s.checkWithoutBase()
	}
	p := s.over(base)
	r.profiles[name] = p
	return p
}

func (r *resolver) resolveBase(s *source) *Profile {
	if !r.checkBase(s) {
		return nil
	}
	r.resolving[s.name] = true
	defer delete(r.resolving, s.name)
	if r.resolving[s.base] {
		s.baseAt.errorf("%s is based on itself", s.name)
		return nil
	}
	return r.resolve(s.base)
}

func (r *resolver) checkBase(s *source) bool {
	_, found := r.sources[s.base]
	if !found {
		others := slices.DeleteFunc(slices.Sorted(maps.Keys(r.sources)), func(name string) bool { return name == s.name })
		s.baseAt.errorf("there is no profile %q: there are %s", s.base, strings.Join(others, ", "))
	}
	return found
}

// over returns the profile that the source makes of its base.
func (s *source) over(base *Profile) *Profile {
	p := &Profile{
		Name:      s.name,
		Container: s.merge(base.Container, s.container),
		Pod:       s.merge(base.Pod, s.pod),
	}
	for _, e := range s.exceptions {
		p.Exceptions = append(p.Exceptions, e.Exception)
	}
	if !s.noExceptions {
		p.Exceptions = append(p.Exceptions, p.relevant(base.Exceptions)...)
	}
	p.WritablePaths = slices.Clone(s.writablePaths)
	for _, w := range base.WritablePaths {
		if !s.noWritablePaths && p.defaults(readOnlyRootFilesystem) && !slices.ContainsFunc(p.WritablePaths, func(own WritablePath) bool { return own.Path == w.Path }) {
			p.WritablePaths = append(p.WritablePaths, w)
		}
	}
	s.check(p)
	return p
}

// relevant returns the exceptions of a base as far as they concern what the profile
// still has.
func (p *Profile) relevant(inherited []Exception) []Exception {
	var kept []Exception
	for _, e := range inherited {
		e.Leave = slices.DeleteFunc(slices.Clone(e.Leave), func(f *Field) bool { return !p.defaults(f) })
		if len(e.Leave)+len(e.Container) > 0 {
			kept = append(kept, e)
		}
	}
	return kept
}

// defaults says whether the profile has a default for the field anywhere.
func (p *Profile) defaults(f *Field) bool {
	in := func(defaults []Default) bool { _, found := findDefault(defaults, f); return found }
	return in(p.Container) || in(p.Pod) || slices.ContainsFunc(p.Exceptions, func(e Exception) bool { return in(e.Container) })
}

// merge puts settings over the defaults of the base.
func (s *source) merge(base []Default, settings map[*Field]setting) []Default {
	var defaults []Default
	for _, f := range catalogue {
		d, inBase := findDefault(base, f)
		own, found := settings[f]
		switch {
		case found && own.removes && !inBase:
			own.at.errorf("null removes a default of the base, which has none for %s", f.Name)
		case found && !own.removes:
			defaults = append(defaults, Default{Field: f, Value: own.value})
		case inBase && !found:
			defaults = append(defaults, d)
		}
	}
	return defaults
}

// checkWithoutBase reports a null that has nothing to remove.
func (s *source) checkWithoutBase() {
	if s.noWritablePaths {
		s.writablePathsAt.errorf("null removes those of the base, and there is none")
	}
	if s.noExceptions {
		s.exceptionsAt.errorf("null removes those of the base, and there is none")
	}
}

// check reports what can only be seen once a profile is complete.
func (s *source) check(p *Profile) {
	if len(p.Container)+len(p.Pod) == 0 && len(p.Exceptions) == 0 {
		s.at.errorf("spec: must have a default, under container or pod")
	}
	if len(s.writablePaths) > 0 && !p.defaults(readOnlyRootFilesystem) {
		s.writablePathsAt.errorf("are for root file systems that the profile makes read-only, and it has no default for readOnlyRootFilesystem")
	}
	container, inContainer := findDefault(p.Container, seLinuxOptions)
	if pod, inPod := findDefault(p.Pod, seLinuxOptions); inContainer && inPod && !bytes.Equal(container.Value.JSON, pod.Value.JSON) {
		s.at.errorf("spec: container.seLinuxOptions must be the same as pod.seLinuxOptions: a kubelet refuses a volume that containers with different labels share")
	}
	for _, e := range s.exceptions {
		for i, f := range e.Leave {
			if !p.defaults(f) {
				e.leaveAt[i].errorf("the profile has no default for %s", f.Name)
			}
		}
	}
}
