// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"gomodules.xyz/jsonpatch/v2"
	jsonpatchv4 "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/wire"
	"github.com/caseharden/caseharden/mutate"
)

// A Preview is what a profile would do to manifests.
type Preview struct {
	Report *Report
	files  []*file
	custom map[identity]bool // the custom resources with pod templates

	excludedNamespaces []string // beside kube-system
}

// A file is an input with what would be added to it.
type file struct {
	Input           // its data as UTF-8; nil if it is no text
	isUTF16    bool // as it was read
	documents  []*document
	additions  map[*object][]jsonpatch.Operation
	misspelled map[*document][]misspelling
}

// newFile reads the documents of an input.
func newFile(input Input) (*file, []InputError) {
	text, isUTF16, err := decode(input.Data)
	input.Data = text
	f := &file{Input: input, isUTF16: isUTF16, additions: map[*object][]jsonpatch.Operation{}, misspelled: map[*document][]misspelling{}}
	if located, ok := errors.AsType[*documentError](err); ok {
		return f, []InputError{{File: input.Name, Line: located.line, Message: located.message}}
	}
	var errs []InputError
	f.documents, errs = documentsOf(f.Input)
	return f, errs
}

// New previews what the profile would do to all the inputs. It calls progress,
// which may be nil, after each object. Like the webhook as the chart installs it, it
// excludes kube-system, and other namespaces that are given.
func New(profile *defaults.Profile, inputs []Input, progress func(done, total int), excludedNamespaces ...string) *Preview {
	p := &Preview{Report: &Report{
		APIVersion: "caseharden.io/v1alpha1",
		Kind:       "Preview",
		Profile:    profile.Name,
		Workloads:  []Workload{},
		PodMakers:  []PodMaker{},
		Warnings:   []InputError{},
		Errors:     []InputError{},
	}, custom: map[identity]bool{}, excludedNamespaces: excludedNamespaces}
	for _, input := range inputs {
		f, errs := newFile(input)
		p.Report.Errors = append(p.Report.Errors, errs...)
		p.files = append(p.files, f)
		for _, d := range f.documents {
			switch {
			case d.notObject && isKustomization(f.Name):
				p.Report.Summary.passOver(kustomizationVersion, kustomizationKind)
			case d.notObject:
				p.Report.Summary.passOver("", "")
			}
			for _, o := range d.objects {
				p.noteCustom(o)
			}
		}
	}
	notePatches(p.files)
	type fileObject struct {
		file *file
		*object
	}
	var objects []fileObject
	for _, f := range p.files {
		for _, d := range f.documents {
			for _, o := range d.objects {
				objects = append(objects, fileObject{f, o})
			}
		}
	}
	inOrder(len(objects), func(i int) outcome { return p.object(profile, objects[i].object) }, func(i int, o outcome) {
		p.add(objects[i].file, objects[i].object, o)
		if progress != nil {
			progress(i+1, len(objects))
		}
	})
	for _, f := range p.files {
		p.Report.Warnings = append(p.Report.Warnings, f.warnings()...)
	}
	p.sortErrors()
	p.Report.sum()
	return p
}

// HasManifests reports whether an object or a list was read, which may be an empty list.
func (p *Preview) HasManifests() bool {
	return p.Report.Summary.Objects > 0 || slices.ContainsFunc(p.files, func(f *file) bool {
		return slices.ContainsFunc(f.documents, func(d *document) bool { return d.isManifest })
	})
}

// sortErrors puts the errors in the order of the input: some are found when a file
// is read, others when its objects are looked at.
func (p *Preview) sortErrors() {
	position := map[string]int{}
	for i, f := range p.files {
		position[f.Name] = i
	}
	slices.SortStableFunc(p.Report.Errors, func(a, b InputError) int {
		return cmp.Or(cmp.Compare(position[a.File], position[b.File]), cmp.Compare(a.Line, b.Line))
	})
}

// An outcome is what becomes of one object.
type outcome struct {
	known     bool // its kind has pod templates
	templates []templateOutcome
	podsIn    string // where an object of another kind may make pods
}

// A templateOutcome is what becomes of one pod template.
type templateOutcome struct {
	workload   *Workload
	operations []jsonpatch.Operation // on the object
	misspelled []misspelling
	patch      bool // it is part of a patch, and no manifest
	err        error
}

// object previews one object. It changes nothing in the preview.
func (p *Preview) object(profile *defaults.Profile, o *object) outcome {
	places, known := placesOf(o)
	if !known {
		return outcome{podsIn: podsIn(o)}
	}
	out := outcome{known: true}
	for _, at := range places {
		t := p.template(profile, o, at)
		if t.err == nil && t.workload.Excluded == "" {
			t.misspelled = misspellings(o, at)
		}
		if t.err == nil && len(places) > 1 {
			t.workload.Template = at.name
		}
		out.templates = append(out.templates, t)
	}
	return out
}

// add adds what became of an object to the report.
func (p *Preview) add(f *file, o *object, out outcome) {
	p.Report.Summary.Objects++
	if !out.known {
		p.passOver(f, o, out.podsIn)
		return
	}
	for _, t := range out.templates {
		if t.err != nil {
			p.Report.Errors = append(p.Report.Errors, InputError{File: f.Name, Document: o.document.index, Line: o.line, Message: t.err.Error()})
			continue
		}
		w := t.workload
		w.File, w.Document, w.Line = f.Name, o.document.index, o.line
		if t.patch && o.pointer == "" {
			o.document.isManifest = false
		}
		p.Report.Workloads = append(p.Report.Workloads, *w)
		if len(t.misspelled) > 0 {
			f.misspelled[o.document] = append(f.misspelled[o.document], t.misspelled...)
		}
		if len(t.operations) > 0 {
			f.additions[o] = append(f.additions[o], t.operations...)
		}
	}
}

var templateKinds = mutate.TemplateKinds()

// kindOf returns a kind that is or makes pods; false for any other.
func kindOf(apiVersion, kind string) (mutate.TemplateKind, bool) {
	gvk := schema.FromAPIVersionAndKind(apiVersion, kind)
	i := slices.IndexFunc(templateKinds, func(k mutate.TemplateKind) bool { return k.GroupVersionKind() == gvk })
	if i < 0 {
		return mutate.TemplateKind{}, false
	}
	return templateKinds[i], true
}

// header is what a preview has to know of an object besides its pod template.
type header struct {
	Metadata struct {
		Name            string                  `json:"name"`
		GenerateName    string                  `json:"generateName"`
		Namespace       string                  `json:"namespace"`
		OwnerReferences []metav1.OwnerReference `json:"ownerReferences"`
	} `json:"metadata"`
	Spec struct {
		VolumeClaimTemplates []struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
		} `json:"volumeClaimTemplates"`
	} `json:"spec"`
}

// name returns the name of the object, or what its name is made from.
func (h header) name() string { return cmp.Or(h.Metadata.Name, h.Metadata.GenerateName) }

// controller returns the owner that made the object, if one did.
func (h header) controller() (metav1.OwnerReference, bool) {
	for _, r := range h.Metadata.OwnerReferences {
		if r.Controller != nil && *r.Controller {
			return r, true
		}
	}
	return metav1.OwnerReference{}, false
}

// template previews a pod or the pod template at a place of an object.
func (p *Preview) template(profile *defaults.Profile, o *object, at place) templateOutcome {
	var h header
	if err := jsonv2.Unmarshal(o.raw, &h); err != nil {
		return templateOutcome{err: errors.New(plainJSONError(err))}
	}
	w := &Workload{APIVersion: o.apiVersion, Kind: o.kind, Namespace: h.Metadata.Namespace, Name: h.name(), Hazards: []Hazard{}}
	owner, owned := h.controller()
	if owned {
		w.Owner = owner.Kind + " " + owner.Name
	}
	if w.Excluded = cmp.Or(o.document.patch, directiveIn(o.raw)); w.Excluded != "" {
		return templateOutcome{workload: w, patch: true}
	}
	if w.Excluded = p.excluded(at, h); w.Excluded != "" {
		return templateOutcome{workload: w}
	}
	if at.err != nil {
		return templateOutcome{err: at.err}
	}
	if at.text == nil {
		w.Excluded = "it has no pod template"
		return templateOutcome{workload: w}
	}
	before, normalised, err := asReceived(at.text)
	if err != nil {
		return templateOutcome{err: wire.Located(at.name, err)}
	}
	if w.Excluded = missingImage(before); w.Excluded != "" {
		return templateOutcome{workload: w, patch: true}
	}
	would, err := mutate.NewChange(profile, at.name, normalised)
	if err != nil {
		return templateOutcome{err: err}
	}
	if would == nil {
		w.Excluded = "a mirror pod shows what a kubelet runs from a file"
		return templateOutcome{workload: w}
	}
	after, err := apply(normalised, would.Patch())
	if err != nil {
		return templateOutcome{err: err}
	}
	w.Changed = would.Injected != nil
	w.describe(would, before)
	w.PodSecurity = podSecurity(before, after)
	claims := map[string]bool{}
	for _, claim := range h.Spec.VolumeClaimTemplates {
		claims[claim.Metadata.Name] = true
	}
	w.Hazards = append(w.Hazards, hazards(change{Before: before, After: after, ClaimTemplates: claims, Windows: would.Windows()})...)
	additions := would.Additions()
	for i := range additions {
		additions[i].Path = string(at.pointer) + additions[i].Path
	}
	return templateOutcome{workload: w, operations: additions}
}

// excluded says why an object is not looked at; "" if it is. Of a Deployment and
// its ReplicaSets, the template is the Deployment's.
func (p *Preview) excluded(at place, h header) string {
	if namespace := h.Metadata.Namespace; namespace == metav1.NamespaceSystem || slices.Contains(p.excludedNamespaces, namespace) {
		return "it is in the namespace " + namespace
	}
	if owner, owned := h.controller(); owned && at.pointer != "" {
		_, known := kindOf(owner.APIVersion, owner.Kind)
		if known || p.custom[identify(owner.APIVersion, owner.Kind, h.Metadata.Namespace, owner.Name)] {
			return fmt.Sprintf("%s %s, which owns it, has the template", owner.Kind, owner.Name)
		}
	}
	return ""
}

// asReceived returns a pod or a template as the webhook gets it from an API server:
// without what the API does not know, and without empty lists.
func asReceived(raw jsontext.Value) (*corev1.PodTemplateSpec, []byte, error) {
	var template corev1.PodTemplateSpec
	if err := jsonv2.Unmarshal(raw, &template); err != nil {
		return nil, nil, err
	}
	normalised, err := json.Marshal(&template)
	return &template, normalised, err
}

// apply applies the patch that the webhook would send, nil for none, with the library of
// the API server.
func apply(pod, patch []byte) (*corev1.PodTemplateSpec, error) {
	patched := pod
	if patch != nil {
		decoded, err := jsonpatchv4.DecodePatch(patch)
		if err != nil {
			return nil, err
		}
		if patched, err = decoded.Apply(pod); err != nil {
			return nil, err
		}
	}
	var template corev1.PodTemplateSpec
	return &template, jsonv2.Unmarshal(patched, &template)
}

// describe writes down every decision of a change.
func (w *Workload) describe(change *mutate.Change, pod *corev1.PodTemplateSpec) {
	images := map[defaults.ContainerType][]string{}
	for _, c := range pod.Spec.InitContainers {
		images[defaults.Init] = append(images[defaults.Init], c.Image)
	}
	for _, c := range pod.Spec.Containers {
		images[defaults.Regular] = append(images[defaults.Regular], c.Image)
	}
	for _, c := range pod.Spec.EphemeralContainers {
		images[defaults.Ephemeral] = append(images[defaults.Ephemeral], c.Image)
	}
	at := map[*defaults.Container]int{}
	for _, c := range change.Containers() {
		at[c] = len(w.Containers)
		w.Containers = append(w.Containers, Container{Name: c.Name, Type: string(c.Type), Image: images[c.Type][c.Index], Decisions: []Decision{}})
	}
	for _, d := range change.Decisions {
		decision := Decision{Field: d.Field.Name, Outcome: string(d.Outcome), Reason: string(d.Reason), Because: d.Because}
		if d.Outcome == defaults.Inject {
			decision.Value = json.RawMessage(d.Value.JSON)
		}
		if d.Container == nil {
			w.Pod = append(w.Pod, decision)
			continue
		}
		c := &w.Containers[at[d.Container]]
		c.Decisions = append(c.Decisions, decision)
	}
	for _, m := range change.Mounts {
		c := &w.Containers[at[m.Container]]
		c.WritablePaths = append(c.WritablePaths, m.Path)
	}
}
