// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/suggest"
	"github.com/caseharden/caseharden/internal/yamltext"
)

// Parse reads profiles, and returns them together with the built-in ones,
// in the order of their names. A base may be in any of the files.
//
// Reading is strict: what is unknown, repeated, or would weaken a pod is an error.
// The error joins a [*Error] for everything that is wrong in all the files.
func Parse(files []File) ([]*defaults.Profile, error) {
	own, err := builtinFiles()
	if err != nil {
		return nil, err
	}
	r := resolver{named: map[string]*source{}, resolved: map[*source]resolved{}}
	for _, file := range own {
		r.read(file, nil)
	}
	for _, s := range r.sources {
		for i := range s.exceptions {
			s.exceptions[i].Place = "" // no file that anybody could look into
		}
	}
	builtin := slices.Collect(maps.Keys(r.named))
	for _, file := range files {
		r.read(file, builtin)
	}
	for _, s := range r.sources {
		r.resolve(s)
	}
	if err := r.problems.Err(); err != nil {
		return nil, err
	}
	var profiles []*defaults.Profile
	for _, s := range r.sources {
		p := r.resolved[s].profile
		if !slices.Contains(builtin, s.name) {
			p.File = s.at.file
		}
		profiles = append(profiles, p)
	}
	slices.SortFunc(profiles, func(a, b *defaults.Profile) int { return cmp.Compare(a.Name, b.Name) })
	return profiles, nil
}

// Fields about which there are rules here, beside those that their values must meet.
var (
	readOnlyRootFilesystem = defaults.FieldByName("readOnlyRootFilesystem")
	seLinuxOptions         = defaults.FieldByName("seLinuxOptions")
)

// A resolver puts profiles together with their bases.
type resolver struct {
	problems yamltext.Problems
	sources  []*source          // in the order of files
	named    map[string]*source // the first of each name
	resolved map[*source]resolved
	path     []*source // that are being resolved: each is the base of the one before
}

// resolved is a profile, complete with its base.
type resolved struct {
	profile *defaults.Profile
	certain bool // no error leaves open which fields it fills in
}

// read reads a file whose profiles must not have the taken names.
func (r *resolver) read(file File, taken []string) {
	before := len(r.problems)
	all := documents(file, &r.problems)
	if len(all) == 0 && len(r.problems) == before {
		r.problems = append(r.problems, &yamltext.Error{File: file.Name, Line: 1, Message: "holds no profile"})
	}
	for _, document := range all {
		s := readSource(document)
		if s == nil {
			continue
		}
		r.sources = append(r.sources, s)
		first, found := r.named[s.name]
		switch {
		case s.name == "":
		case slices.Contains(taken, s.name):
			document.errorf("metadata.name: %s is the name of a built-in profile: choose another, and name that as base", s.name)
		case found:
			document.errorf("metadata.name: a profile %s is in %s:%d too", s.name, first.at.file, first.at.node.Line)
		default:
			r.named[s.name] = s
		}
	}
}

// resolve returns a profile, complete with its base, and reports what can only be
// seen there.
func (r *resolver) resolve(s *source) resolved {
	if done, found := r.resolved[s]; found {
		return done
	}
	base := resolved{profile: &defaults.Profile{}, certain: true}
	if s.base != "" {
		base = r.resolveBase(s)
	}
	result := s.over(base)
	r.resolved[s] = result
	return result
}

// resolveBase returns the base of a profile. Where there is none, it reports that
// and returns one of which nothing is certain.
func (r *resolver) resolveBase(s *source) resolved {
	r.path = append(r.path, s)
	defer func() { r.path = r.path[:len(r.path)-1] }()
	unknown := resolved{profile: &defaults.Profile{}}
	base, found := r.named[s.base]
	if !found {
		others := slices.DeleteFunc(slices.Sorted(maps.Keys(r.named)), func(name string) bool { return name == s.name })
		if closest := suggest.Closest(s.base, others); closest != "" {
			s.baseAt.errorf("there is no profile %q: did you mean %s?", s.base, closest)
		} else {
			s.baseAt.errorf("there is no profile %q: there are %s", s.base, strings.Join(others, ", "))
		}
		return unknown
	}
	if i := slices.Index(r.path, base); i >= 0 {
		var cycle strings.Builder
		for _, member := range r.path[i:] {
			cycle.WriteString(member.name + " → ")
		}
		r.path[i].baseAt.errorf("forms a cycle: %s%s", &cycle, base.name)
		return unknown
	}
	return r.resolve(base)
}

// over returns the profile that the source makes of its base.
func (s *source) over(base resolved) resolved {
	p := &defaults.Profile{
		Name:         s.name,
		Container:    s.merge(base, base.profile.Container, s.container),
		Pod:          s.merge(base, base.profile.Pod, s.pod),
		RepositoryOf: repositoryOf,
	}
	for _, e := range s.exceptions {
		p.Exceptions = append(p.Exceptions, e.Exception)
	}
	if !s.noExceptions {
		p.Exceptions = append(p.Exceptions, base.profile.Exceptions...)
	}
	p.SelfService = s.overSelfService(base, p)
	p.WritablePaths = slices.Clone(s.writablePaths)
	for _, w := range base.profile.WritablePaths {
		if !s.noWritablePaths && p.Fills(readOnlyRootFilesystem) && !slices.ContainsFunc(p.WritablePaths, func(own defaults.WritablePath) bool { return own.Path == w.Path }) {
			p.WritablePaths = append(p.WritablePaths, w)
		}
	}
	certain := base.certain && !s.uncertain
	if certain {
		s.check(p)
	}
	p.Exceptions = dropUseless(p, len(s.exceptions))
	return resolved{p, certain}
}

// overSelfService returns the fields that authors may ask to leave: the profile's own, and
// those of its base that it still fills in, in the order of the catalogue.
func (s *source) overSelfService(base resolved, p *defaults.Profile) []*defaults.Field {
	var fields []*defaults.Field
	for _, f := range defaults.Fields() {
		inherited := !s.noSelfService && slices.Contains(base.profile.SelfService, f) && p.Fills(f)
		if inherited || slices.Contains(s.selfService, f) {
			fields = append(fields, f)
		}
	}
	return fields
}

// dropUseless returns the exceptions of the profile. Those of the base, which begin at
// the index, no longer leave fields that the profile does not fill in any more.
func dropUseless(p *defaults.Profile, inherited int) []defaults.Exception {
	kept := p.Exceptions[:inherited:inherited]
	for i, e := range p.Exceptions[inherited:] {
		e.Leave = slices.DeleteFunc(slices.Clone(e.Leave), func(f *defaults.Field) bool { return !fills(p, f, inherited+i+1) })
		if !p.Fills(readOnlyRootFilesystem) {
			e.WritablePaths = nil
		}
		if len(e.Leave)+len(e.Container)+len(e.WritablePaths) > 0 {
			kept = append(kept, e)
		}
	}
	return kept
}

// fills reports whether a container can get a default for the field: from the
// profile, or from its exceptions at and after the index.
func fills(p *defaults.Profile, f *defaults.Field, from int) bool {
	in := func(some []defaults.Default) bool { _, found := defaults.FindDefault(some, f); return found }
	return in(p.Container) || in(p.Pod) || slices.ContainsFunc(p.Exceptions[from:], func(e defaults.Exception) bool { return in(e.Container) })
}

// merge puts settings over the defaults of the base.
func (s *source) merge(base resolved, inherited []defaults.Default, settings map[*defaults.Field]setting) []defaults.Default {
	var merged []defaults.Default
	for _, f := range defaults.Fields() {
		d, inBase := defaults.FindDefault(inherited, f)
		own, found := settings[f]
		switch {
		case found && own.removes && !inBase && base.certain:
			own.at.errorf("null removes a default of the base, which has none for %s", f.Name)
		case found && !own.removes:
			merged = append(merged, defaults.Default{Field: f, Value: own.value})
		case inBase && !found:
			merged = append(merged, d)
		}
	}
	return merged
}

// check reports what can only be seen once a profile is complete.
func (s *source) check(p *defaults.Profile) {
	if s.base == "" && s.noWritablePaths {
		s.writablePathsAt.errorf("null removes those of the base, and there is none")
	}
	if s.base == "" && s.noExceptions {
		s.exceptionsAt.errorf("null removes those of the base, and there is none")
	}
	if s.base == "" && s.noSelfService {
		s.selfServiceAt.errorf("null removes that of the base, and there is none")
	}
	if len(p.Container)+len(p.Pod) == 0 && len(p.Exceptions) == 0 {
		s.at.errorf("spec: must have a default, under container or pod")
	}
	if len(s.writablePaths) > 0 && !p.Fills(readOnlyRootFilesystem) {
		s.writablePathsAt.errorf("are for root file systems that the profile makes read-only, and it has no default for readOnlyRootFilesystem")
	}
	container, inContainer := defaults.FindDefault(p.Container, seLinuxOptions)
	if pod, inPod := defaults.FindDefault(p.Pod, seLinuxOptions); inContainer && inPod && !bytes.Equal(container.Value.JSON, pod.Value.JSON) {
		s.at.errorf("spec: container.seLinuxOptions must be the same as pod.seLinuxOptions: a kubelet refuses a volume that containers with different labels share")
	}
	for i, e := range s.exceptions {
		for j, f := range e.Leave {
			if !fills(p, f, i+1) {
				e.leaveAt[j].errorf("the profile has no default for %s that this exception could leave: remove it from the list", f.Name)
			}
		}
		switch {
		case len(e.WritablePaths) == 0:
		case slices.Contains(e.Leave, readOnlyRootFilesystem):
			e.writablePathsAt.errorf("are for root file systems that the profile makes read-only, and this exception leaves readOnlyRootFilesystem")
		case !p.Fills(readOnlyRootFilesystem):
			e.writablePathsAt.errorf("are for root file systems that the profile makes read-only, and it has no default for readOnlyRootFilesystem")
		}
	}
	for i, f := range s.selfService {
		if !p.Fills(f) {
			s.selfServicePlaces[i].errorf("the profile has no default for %s that an author could ask to leave: remove it from the list", f.Name)
		}
	}
}
