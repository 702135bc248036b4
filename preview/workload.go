// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonpatchv4 "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/wire"
	"github.com/caseharden/caseharden/mutate"
	"github.com/caseharden/caseharden/preview/hazard"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/preview/yamledit"
)

// A previewer previews one object after the other. It may be used by several goroutines.
type previewer struct {
	profile            *defaults.Profile
	excludedNamespaces []string          // beside kube-system
	owners             map[identity]bool // custom resources with pod templates

	known       func(image string) *evidence.Known // may be nil
	runtime     string
	awaitImages bool
	running     running
}

// An outcome is what becomes of one object.
type outcome struct {
	known     bool // its kind has pod templates
	templates []templateOutcome
	podsAt    string // the place at which an object of another kind may make pods
}

// A templateOutcome is what becomes of one pod template.
type templateOutcome struct {
	workload     *Workload
	at           string              // the pointer to it in the object
	additions    []yamledit.Addition // to the object
	misspellings []manifest.Misspelling
	subjects     []unread              // containers that wait for their images
	needed       []*defaults.Exception // that have an effect on it
	refusals     []string              // what its author asks to leave, in vain
	patch        bool                  // it is part of a patch, and no manifest
	err          error
}

// object previews one object.
func (p *previewer) object(o *manifest.Object) outcome {
	places, known := o.Templates()
	if !known {
		return outcome{podsAt: o.MayMakePods()}
	}
	out := outcome{known: true}
	for _, at := range places {
		t := p.template(o, at)
		if t.err == nil && t.workload.Excluded == "" {
			t.misspellings = o.Misspellings(at)
		}
		if t.err == nil && len(places) > 1 {
			t.workload.Template = at.Name
		}
		out.templates = append(out.templates, t)
	}
	return out
}

// template previews a pod or the pod template at a place of an object.
func (p *previewer) template(o *manifest.Object, at manifest.Place) templateOutcome {
	h, err := o.Header()
	if err != nil {
		return templateOutcome{err: err}
	}
	w := &Workload{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: h.Metadata.Namespace, Name: h.Name(), Findings: []evidence.Finding{}}
	owner, owned := h.Controller()
	if owned {
		w.Owner = owner.Kind + " " + owner.Name
	}
	if w.Excluded = cmp.Or(o.Document.Patch, o.PatchDirective()); w.Excluded != "" {
		return templateOutcome{workload: w, patch: true}
	}
	if w.Excluded = p.excluded(at, h); w.Excluded != "" {
		return templateOutcome{workload: w}
	}
	if at.Err != nil {
		return templateOutcome{err: at.Err}
	}
	if at.Text == nil {
		w.Excluded = "it has no pod template"
		return templateOutcome{workload: w}
	}
	before, normalised, err := asReceived(at.Text)
	if err != nil {
		return templateOutcome{err: wire.Located(at.Name, err)}
	}
	if w.Excluded = manifest.MissingImage(before); w.Excluded != "" {
		return templateOutcome{workload: w, patch: true}
	}
	change, err := mutate.NewChange(p.profile, at.Name, normalised)
	if err != nil {
		return templateOutcome{err: err}
	}
	if change == nil {
		w.Excluded = "a mirror pod shows what a kubelet runs from a file"
		return templateOutcome{workload: w}
	}
	after := before
	if patch := change.Patch(); patch != nil {
		if after, err = apply(normalised, patch); err != nil {
			return templateOutcome{err: err}
		}
	}
	w.Changed = change.Injected != nil
	w.describe(change, before)
	w.PodSecurity = podSecurity(before, after)
	claims := map[string]bool{}
	for _, claim := range h.Spec.VolumeClaimTemplates {
		claims[claim.Metadata.Name] = true
	}
	subjects := p.examine(w, hazard.Pair{Before: before, After: after, ClaimTemplates: claims, Windows: change.Windows()}, p.live(o, h))
	var additions []yamledit.Addition
	for _, operation := range change.Additions() {
		additions = append(additions, yamledit.Addition{Pointer: string(at.Pointer) + operation.Path, Value: operation.Value})
	}
	return templateOutcome{workload: w, at: string(at.Pointer), additions: additions, subjects: subjects, needed: needed(change), refusals: change.RefusalTexts()}
}

// excluded returns why an object is ignored; "" if it is not. Of a Deployment and
// its ReplicaSets, the template is the Deployment's.
func (p *previewer) excluded(at manifest.Place, h manifest.Header) string {
	if namespace := h.Metadata.Namespace; namespace == metav1.NamespaceSystem || slices.Contains(p.excludedNamespaces, namespace) {
		return "it is in the namespace " + namespace
	}
	if owner, owned := h.Controller(); owned && at.Pointer != "" {
		if manifest.IsKnown(owner.APIVersion, owner.Kind) || p.owners[identify(owner.APIVersion, owner.Kind, h.Metadata.Namespace, owner.Name)] {
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

// apply applies the patch that the webhook would send, with the library of the API server.
func apply(pod, patch []byte) (*corev1.PodTemplateSpec, error) {
	decoded, err := jsonpatchv4.DecodePatch(patch)
	if err != nil {
		return nil, err
	}
	patched, err := decoded.Apply(pod)
	if err != nil {
		return nil, err
	}
	var template corev1.PodTemplateSpec
	return &template, jsonv2.Unmarshal(patched, &template)
}
