// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/validation"

	"github.com/caseharden/caseharden/defaults"
)

// InjectedAnnotation is the annotation on a pod that says what was filled in.
const InjectedAnnotation = defaults.InjectedAnnotation

// Injected is what [InjectedAnnotation] says.
type Injected struct {
	Profile    string              `json:"profile"`
	Containers map[string][]string `json:"containers,omitempty"` // field names by container
	Pod        []string            `json:"pod,omitempty"`        // fields at pod level

	WritablePaths map[string][]string `json:"writablePaths,omitempty"` // where an emptyDir was mounted, by container

	text string // of String, once it was called
}

// Skipped says which defaults were skipped, and for which reason.
type Skipped struct {
	Profile    string                       `json:"profile"`
	Containers map[string]map[string]string `json:"containers,omitempty"` // by container, then by field
	Pod        map[string]string            `json:"pod,omitempty"`        // by field

	text string // of String, once it was called
}

// skipReason returns the reason of a skip; of an exception, also why the profile
// has it: "exception: debug containers need to write".
func skipReason(d defaults.Decision) string {
	if d.Reason == defaults.ByException {
		return string(d.Reason) + ": " + d.Because
	}
	return string(d.Reason)
}

// records sums a change up; a result is nil where there is nothing to say.
func records(profile string, change *Change) (*Injected, *Skipped) {
	in := &Injected{Profile: profile, Containers: make(map[string][]string, len(change.scope.containers))}
	out := &Skipped{Profile: profile}
	for _, d := range change.Decisions {
		switch {
		case d.Outcome == defaults.Inject && d.Container != nil:
			fields, found := in.Containers[d.Container.Name]
			if !found {
				fields = make([]string, 0, 8) // as many as most profiles have
			}
			in.Containers[d.Container.Name] = append(fields, d.Field.Name)
		case d.Outcome == defaults.Inject:
			in.Pod = append(in.Pod, d.Field.Name)
		case d.Outcome == defaults.Skip && d.Container != nil:
			if out.Containers == nil {
				out.Containers = map[string]map[string]string{}
			}
			if out.Containers[d.Container.Name] == nil {
				out.Containers[d.Container.Name] = map[string]string{}
			}
			out.Containers[d.Container.Name][d.Field.Name] = skipReason(d)
		case d.Outcome == defaults.Skip:
			if out.Pod == nil {
				out.Pod = map[string]string{}
			}
			out.Pod[d.Field.Name] = skipReason(d)
		}
	}
	for _, m := range change.Mounts {
		if in.WritablePaths == nil {
			in.WritablePaths = map[string][]string{}
		}
		in.WritablePaths[m.Container.Name] = append(in.WritablePaths[m.Container.Name], m.Path)
	}
	if len(in.Containers)+len(in.Pod) == 0 {
		in = nil
	}
	if len(out.Containers)+len(out.Pod) == 0 {
		out = nil
	}
	return in, out
}

// mergedWith returns the record together with that of an earlier pass, as far as
// it speaks of containers that the pod has.
func (in *Injected) mergedWith(earlier *defaults.Record, pod *defaults.Pod) *Injected {
	if earlier == nil {
		return in
	}
	merged := &Injected{Profile: in.Profile, Containers: maps.Clone(in.Containers), Pod: union(in.Pod, earlier.Pod), WritablePaths: maps.Clone(in.WritablePaths)}
	names := map[string]bool{}
	for _, c := range pod.Containers {
		names[c.Name] = true
	}
	for name, fields := range earlier.Containers {
		if names[name] {
			merged.Containers[name] = union(merged.Containers[name], fields)
		}
	}
	for name, paths := range earlier.WritablePaths {
		if names[name] {
			if merged.WritablePaths == nil {
				merged.WritablePaths = map[string][]string{}
			}
			merged.WritablePaths[name] = union(merged.WritablePaths[name], paths)
		}
	}
	return merged
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// String returns the record as JSON. It must not change any more.
func (in *Injected) String() string {
	if in.text == "" {
		in.text = string(in.appendJSON(nil))
	}
	return in.text
}

func (in *Injected) appendJSON(b []byte) []byte {
	b = append(b, `{"profile":`...)
	b = appendQuoted(b, in.Profile)
	if len(in.Containers) > 0 {
		b = append(b, `,"containers":`...)
		b = appendObject(b, in.Containers, appendTexts)
	}
	if len(in.Pod) > 0 {
		b = append(b, `,"pod":`...)
		b = appendTexts(b, in.Pod)
	}
	if len(in.WritablePaths) > 0 {
		b = append(b, `,"writablePaths":`...)
		b = appendObject(b, in.WritablePaths, appendTexts)
	}
	return append(b, '}')
}

// String returns the record as JSON. It must not change any more.
func (out *Skipped) String() string {
	if out.text == "" {
		out.text = mustMarshal(out)
	}
	return out.text
}

func mustMarshal(record any) string {
	data, err := json.Marshal(record)
	if err != nil {
		panic(fmt.Sprintf("internal error: marshalling a record: %s", err))
	}
	return string(data)
}

// fits reports whether the pod may still have an annotation: the API server bounds
// the size of all together (ValidateAnnotationsSize), and our note is not worth
// a pod.
func fits(annotations map[string]string, key, value string) bool {
	total := len(key) + len(value)
	for k, v := range annotations {
		if k != key {
			total += len(k) + len(v)
		}
	}
	return total <= validation.TotalAnnotationSizeLimitB
}
