// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/inorder"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/preview/yamledit"
)

// A source is where a workload stands, and all that would be added to it.
type source struct {
	workload  int // in the report
	file      *manifest.File
	object    *manifest.Object
	template  string // pointer in the object
	additions []yamledit.Addition
}

// maxParsed is how many bytes of a document are parsed for the edits of its containers. A
// list of many objects, such as a whole cluster's pods, has no edits.
const maxParsed = 16 << 20

// cost is how many bytes are parsed for the edits of the containers of a document: each needs
// its object in JSON, and all of the document in YAML.
func cost(d *manifest.Document, containers int) int {
	if d.IsJSON {
		return d.End - d.Start
	}
	return containers * (d.End - d.Start)
}

// lists are the names of the lists of containers in the API.
var lists = map[string]string{
	string(defaults.Init): "initContainers", string(defaults.Regular): "containers", string(defaults.Ephemeral): "ephemeralContainers",
}

// locate finds the lines of all containers, and the edits of the workloads.
func (b *builder) locate() {
	pointers := map[*manifest.Document][]string{}
	files := map[*manifest.Document]*manifest.File{}
	for _, s := range b.sources {
		d := s.object.Document
		pointers[d] = append(pointers[d], s.containers(b.report.Workloads[s.workload].Containers)...)
		files[d] = s.file
	}
	lines := map[*manifest.Document]map[string]int{}
	for d, all := range pointers {
		lines[d] = files[d].Lines(d, all)
	}
	inorder.Do(len(b.sources), func(i int) struct{} {
		s := &b.sources[i]
		w, d := &b.report.Workloads[s.workload], s.object.Document
		w.Fixes = make([][]yamledit.Edit, len(w.Findings))
		for j, pointer := range s.containers(w.Containers) {
			w.Containers[j].Line = cmp.Or(lines[d][pointer], w.Line)
		}
		if cost(d, len(pointers[d])) <= maxParsed {
			s.edit(w)
		}
		return struct{}{}
	}, func(int, struct{}) {})
	b.sources = nil
}

// containers returns the pointers of the containers in the document.
func (s *source) containers(containers []Container) []string {
	pointers := make([]string, len(containers))
	next := map[string]int{}
	for i, c := range containers {
		pointers[i] = fmt.Sprintf("%s%s/spec/%s/%d", s.object.Pointer, s.template, lists[c.Type], next[c.Type])
		next[c.Type]++
	}
	return pointers
}

// edit finds the edits of a workload: what adds the settings that no finding names, and what
// resolves findings.
func (s *source) edit(w *Workload) {
	pod := s.template + "/spec"
	w.Edits = s.edits(pod, safe(w.Pod, nil))
	var at []string
	for i, pointer := range s.containers(w.Containers) {
		c := &w.Containers[i]
		at = append(at, strings.TrimPrefix(pointer, s.object.Pointer))
		c.Edits = s.edits(at[i], safe(c.Decisions, c.WritablePaths))
	}
	for i := range w.Findings {
		for j := range w.Containers {
			if w.Containers[j].Name == w.Findings[i].Container {
				w.Fixes[i] = s.fix(w.Findings[i].Exception, w.Containers[j].Name, at[j])
				break
			}
		}
	}
}

// safe returns the settings that would be injected and that no finding names, with their
// values. A read-only root that needs volumes is not among them: edits add no volumes. Where the
// user has a finding, the container may have to stay root, with capabilities: then neither
// runAsNonRoot nor capabilities.drop is among them.
func safe(decisions []Decision, writable []string) map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	for _, d := range decisions {
		if d.Verdict != evidence.Breaks && d.Verdict != evidence.Risk && defaults.Outcome(d.Outcome) == defaults.Inject &&
			(len(writable) == 0 || d.Field != "readOnlyRootFilesystem") {
			values[d.Field] = d.Value
		}
	}
	for _, d := range decisions {
		if d.Field == "runAsUser" && (d.Verdict == evidence.Breaks || d.Verdict == evidence.Risk) {
			delete(values, "runAsNonRoot")
			delete(values, "capabilities.drop")
		}
	}
	return values
}

// edits returns the edits that add values to the security context of what stands at a
// pointer in the object; nil if there are none, or if they cannot be made.
func (s *source) edits(at string, values map[string]json.RawMessage) []yamledit.Edit {
	return s.added(s.chosen(at+"/securityContext", values))
}

// added returns the edits that make additions to the object; nil if there are none, or if
// they cannot be made.
func (s *source) added(additions []yamledit.Addition) []yamledit.Edit {
	d := s.object.Document
	switch {
	case len(additions) == 0:
		return nil
	case d.IsJSON:
		edits, err := yamledit.EditsOfValue(s.file.Data, s.object.Start, s.object.Start+len(s.object.Raw), additions)
		if err != nil {
			return nil
		}
		return edits
	}
	for i := range additions {
		additions[i].Pointer = s.object.Pointer + additions[i].Pointer
	}
	edits, err := yamledit.Edits(s.file.Data[d.Start:d.End], additions)
	if err != nil {
		return nil
	}
	for i := range edits {
		edits[i].Start += d.Start
		edits[i].End += d.Start
	}
	return edits
}

// chosen returns the additions of the values to a security context, with those of the objects
// around them, where all additions to the workload have such.
func (s *source) chosen(securityContext string, values map[string]json.RawMessage) []yamledit.Addition {
	var chosen []yamledit.Addition
	added := map[string]bool{}
	for _, field := range slices.Sorted(maps.Keys(values)) {
		pointer := securityContext + "/" + strings.ReplaceAll(field, ".", "/")
		for _, a := range s.additions {
			if strings.HasPrefix(pointer, a.Pointer+"/") && !added[a.Pointer] {
				added[a.Pointer] = true
				chosen = append(chosen, a)
			}
		}
		chosen = append(chosen, yamledit.Addition{Pointer: pointer, Value: values[field]})
	}
	return chosen
}
