// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"cmp"
	"slices"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/inorder"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/preview/yamledit"
)

// Options are what a preview may be told beside the profile and the inputs.
type Options struct {
	Unread             []manifest.Error      // inputs that could not be read: they come first among the errors
	ExcludedNamespaces []string              // beside kube-system
	Progress           func(done, total int) // called after each object, if it is set
	Today              string                // such as 2026-12-31, for exceptions that are overdue; empty: none is

	// Known returns what public sources say of a well-known image; nil is nothing.
	Known func(image string) *evidence.Known

	// Images reads images; nil: none is read.
	Images ReadImages

	// MinSeverity leaves out the findings below it, but those that break; empty: none.
	MinSeverity evidence.Severity

	// Locate finds the lines of containers, and edits that add settings to each of them.
	Locate bool

	// Runtime is the container runtime of the nodes, such as containerd://2.2.0. Where it
	// is empty, the Nodes among the inputs tell it.
	Runtime string
}

// A ReadImages reads images, and calls use once for each of them: with the image, or with
// the reason why it could not be read. It may do so from several goroutines and in any
// order. The caller keeps nothing of an image beyond the call of use, so that memory is
// bounded by how many are read at a time. The platform is that of the Nodes among the
// inputs, such as linux/amd64; it is empty if there are none, or several platforms.
type ReadImages func(images []string, platform string, use func(image string, read *evidence.Image, err error))

// New previews what the profile would do to all the inputs, and returns the finished
// report. Like the webhook as the chart installs it, it excludes kube-system.
func New(profile *defaults.Profile, inputs []manifest.Input, o Options) *Report {
	b, files := build(profile, inputs, o)
	return b.finish(files, o)
}

// build previews all objects, and judges their containers.
func build(profile *defaults.Profile, inputs []manifest.Input, o Options) (*builder, []*manifest.File) {
	files, errs := manifest.Read(inputs)
	nodes := nodesIn(files)
	b := &builder{
		report: &Report{
			APIVersion: "caseharden.io/v1alpha1",
			Kind:       "Preview",
			Profile:    profile.Name,
			Workloads:  []Workload{},
			PodMakers:  []PodMaker{},
			Warnings:   []manifest.Error{},
			Errors:     errs,
		},
		previewer: previewer{
			profile: profile, excludedNamespaces: o.ExcludedNamespaces, owners: ownersIn(files),
			known: o.Known, runtime: cmp.Or(o.Runtime, nodes.runtime), awaitImages: o.Images != nil, running: runningIn(files),
		},
		needed:       map[*defaults.Exception]bool{},
		locates:      o.Locate,
		additions:    map[*manifest.Object][]yamledit.Addition{},
		misspellings: map[*manifest.Document][]manifest.Misspelling{},
	}
	b.notObjects(files)
	b.objects(files, o.Progress)
	b.images(o.Images, nodes.platform)
	return b, files
}

// finish makes the report of what was found.
func (b *builder) finish(files []*manifest.File, o Options) *Report {
	for _, f := range files {
		b.file(f)
	}
	sortErrors(b.report.Errors, files)
	sortErrors(b.report.Warnings, files)
	b.report.Errors = append(append([]manifest.Error{}, o.Unread...), b.report.Errors...)
	hidden := 0
	for i := range b.report.Workloads {
		w := &b.report.Workloads[i]
		w.SetVerdicts()
		hidden += w.hide(o.MinSeverity)
	}
	b.report.MinSeverity = o.MinSeverity
	b.locate()
	b.report.Summary = Summarize(b.report.Workloads)
	b.report.Summary.Hidden = hidden
	b.report.Summary.Objects, b.report.Summary.Ignored = b.objectCount, b.ignored.sorted()
	b.report.Answer = mustAnswer(b.profile, answerContainers(b.report.Workloads))
	b.report.Notices = notices(b.profile, b.needed, o.Today, b.report.Summary.Workloads-b.report.Summary.Excluded)
	return b.report
}

// A builder builds a report.
type builder struct {
	previewer
	report       *Report
	objectCount  int
	ignored      kinds
	needed       map[*defaults.Exception]bool             // that had an effect
	additions    map[*manifest.Object][]yamledit.Addition // with pointers in the object
	misspellings map[*manifest.Document][]manifest.Misspelling
	awaiting     []awaiting // containers that wait for their images
	locates      bool
	sources      []source // of the workloads, if they are located
}

// notObjects counts the documents that are no objects of Kubernetes.
func (b *builder) notObjects(files []*manifest.File) {
	for _, f := range files {
		for _, d := range f.Documents {
			switch {
			case !d.NotObject:
			case f.IsKustomization():
				b.ignored.count(manifest.KustomizationVersion, manifest.KustomizationKind)
			default:
				b.ignored.count("", "")
			}
		}
	}
}

// objects previews all objects.
func (b *builder) objects(files []*manifest.File, progress func(done, total int)) {
	type fileObject struct {
		file *manifest.File
		*manifest.Object
	}
	var all []fileObject
	for _, f := range files {
		for _, d := range f.Documents {
			for _, o := range d.Objects {
				all = append(all, fileObject{f, o})
			}
		}
	}
	inorder.Do(len(all), func(i int) outcome { return b.object(all[i].Object) }, func(i int, out outcome) {
		b.add(all[i].file, all[i].Object, out)
		if progress != nil {
			progress(i+1, len(all))
		}
	})
}

// add adds what became of an object to the report.
func (b *builder) add(f *manifest.File, o *manifest.Object, out outcome) {
	b.objectCount++
	if !out.known {
		b.ignore(f, o, out.podsAt)
		return
	}
	for _, t := range out.templates {
		if t.err != nil {
			b.report.Errors = append(b.report.Errors, manifest.Error{File: f.Name, Document: o.Document.Index, Line: o.Line, Message: t.err.Error()})
			continue
		}
		w := t.workload
		w.File, w.Document, w.Line = f.Name, o.Document.Index, o.Line
		if t.patch && o.Pointer == "" {
			o.Document.IsManifest = false
		}
		if len(t.subjects) > 0 {
			b.awaiting = append(b.awaiting, awaiting{len(b.report.Workloads), t.subjects})
		}
		if b.locates && w.Excluded == "" {
			b.sources = append(b.sources, source{len(b.report.Workloads), f, o, t.at, t.additions})
		}
		b.report.Workloads = append(b.report.Workloads, *w)
		for _, e := range t.needed {
			b.needed[e] = true
		}
		for _, text := range t.refusals {
			b.report.Warnings = append(b.report.Warnings, manifest.Error{File: f.Name, Document: o.Document.Index, Line: o.Line, Message: text})
		}
		if len(t.misspellings) > 0 {
			b.misspellings[o.Document] = append(b.misspellings[o.Document], t.misspellings...)
		}
		if len(t.additions) > 0 {
			b.additions[o] = append(b.additions[o], t.additions...)
		}
	}
}

// file adds a file to the report, with the warnings and the edits of its documents.
func (b *builder) file(f *manifest.File) {
	for _, d := range f.Documents {
		b.report.Warnings = append(b.report.Warnings, f.Locate(d, b.misspellings[d])...)
	}

	edited := File{Name: f.Name, Text: f.Data, IsUTF16: f.IsUTF16}
	b.edit(f, func(d *manifest.Document, edits []yamledit.Edit, errs []manifest.Error) {
		b.report.Errors = append(b.report.Errors, errs...)
		edited.Documents = append(edited.Documents, Document{
			Start: d.Start, End: d.End, IsJSON: d.IsJSON, IsEmpty: d.IsEmpty(), IsManifest: d.IsManifest, Edits: edits,
		})
	})
	b.report.Files = append(b.report.Files, edited)
}

// sortErrors puts the errors or warnings in the order of the input: some are found when a
// file is read, others when its objects are looked at.
func sortErrors(errs []manifest.Error, files []*manifest.File) {
	position := map[string]int{}
	for i, f := range files {
		position[f.Name] = i
	}
	slices.SortStableFunc(errs, func(a, b manifest.Error) int {
		return cmp.Or(cmp.Compare(position[a.File], position[b.File]), cmp.Compare(a.Line, b.Line))
	})
}
