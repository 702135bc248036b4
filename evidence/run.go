// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"path"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/internal/shell"
)

// A study is all that one container is looked at for: its image, and what was read of it so
// far, whatever the settings are.
type study struct {
	c        *Container
	facts    *Facts
	config   *Config
	env      map[string]string
	argv     []string
	steps    map[string][]shell.Step
	needs    map[string][]need
	openPATH bool // a ConfigMap may have another PATH
	services []directory
	searched bool

	mainUsers []int64 // as whom the main program runs as the manifest is, but for root

	plain, profiled *view // without and with the mounts of the profile
}

// A run follows a container from its first process to its main program, under some
// settings, and collects what is in the way.
type run struct {
	*study
	*view
	security Security
	extra    []string // further writable paths, of an exception

	cwd       string
	uncertain bool // an earlier step may have ended the script
	depth     int
	troubles  []trouble
	made      []string  // files that scripts write
	places    []string  // of the image's own volumes
	mains     []process // who the main program runs as
	programs  int       // how many were found that may be the main program
}

// A trouble is something that is in the way under some settings.
type trouble struct {
	cause    *Cause
	severity Severity
	proven   bool   // the container does not reach its main program
	what     string // in a sentence
	key      string // what tells it from others of its cause, such as a path
	dir      string // a directory that has to be writable
	items    []Item
}

// weight is how much a trouble counts when exceptions are compared.
func (t *trouble) weight() int {
	switch {
	case t.proven:
		return 1000
	case t.severity == High:
		return 100
	case t.severity == Medium:
		return 40
	}
	return 0
}

func newStudy(c *Container, facts *Facts) *study {
	s := &study{c: c, facts: facts, config: &facts.Image.Config, env: map[string]string{},
		steps: map[string][]shell.Step{}, needs: map[string][]need{}}
	for _, e := range s.config.Env {
		name, value, _ := strings.Cut(e, "=")
		if c.OpenEnv && name != "PATH" {
			value = shell.Anything // another value may take its place
		}
		s.env[name] = value
	}
	_, ownPATH := c.Env["PATH"]
	s.openPATH = c.OpenEnv && !ownPATH
	for name, value := range c.Env {
		s.env[name] = value
	}
	if s.env["PATH"] == "" {
		s.env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	switch {
	case len(c.Command) > 0:
		s.argv = slices.Concat(s.expanded(c.Command), s.expanded(c.Args))
	case len(c.Args) > 0:
		s.argv = slices.Concat(s.config.Entrypoint, s.expanded(c.Args))
	default:
		s.argv = slices.Concat(s.config.Entrypoint, s.config.Command)
	}
	work := &budget{left: maxWork}
	s.profiled = newView(facts.Image.Files, c.Mounts, work)
	s.plain = s.profiled
	if own := slices.DeleteFunc(slices.Clone(c.Mounts), func(m Mount) bool { return m.Profile }); len(own) < len(c.Mounts) {
		s.plain = newView(facts.Image.Files, own, work)
	}
	if s.boundless() {
		work.left = -1
		return s
	}
	for _, volume := range s.config.Volumes {
		if volume = path.Clean("/" + volume); volume != "/" {
			s.profiled.imageVolumes = append(s.profiled.imageVolumes, volume)
		}
	}
	s.plain.imageVolumes = s.profiled.imageVolumes
	return s
}

// under follows the container under some settings; false if the image's user cannot be
// told, with which it does not start in any case.
func (s *study) under(security Security, extra []string) (*run, bool) {
	v := s.profiled
	if !security.ReadOnlyRoot {
		v = s.plain // the profile mounts only where it makes the root file system read-only
	}
	r := &run{study: s, view: v, security: security, extra: extra}
	p, known := v.firstProcess(s.c, &security, s.config)
	if !known {
		return r, false
	}
	dir := s.c.WorkingDir
	if dir == "" {
		dir = s.config.WorkingDir
	}
	if dir == "" {
		dir = "/"
	}
	at := v.resolve(dir)
	r.cwd = at.path
	r.workingDirectory(&p, at)
	r.exec(p, s.argv, true)
	return r, true
}

// add notes a trouble, once.
func (r *run) add(t trouble) {
	for i := range r.troubles {
		if old := &r.troubles[i]; old.cause == t.cause && old.key == t.key {
			if t.weight() > old.weight() {
				*old = t
			}
			return
		}
	}
	if len(r.troubles) >= maxTroubles {
		r.work.left = -1
		return
	}
	r.troubles = append(r.troubles, t)
}

// item is a piece of evidence from the image.
func (r *run) item(path, text, layer string) Item {
	if layer == "" {
		layer = r.facts.Image.Digest
	}
	return Item{Source: FromImage, Text: text, Path: path, Where: layer}
}
