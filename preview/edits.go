// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"errors"

	"github.com/caseharden/caseharden/internal/inorder"
	"github.com/caseharden/caseharden/preview/manifest"
	"github.com/caseharden/caseharden/preview/yamledit"
)

// edit calls each with what is to be added to every document of a file, in order, and why
// something cannot be added.
func (b *builder) edit(f *manifest.File, each func(*manifest.Document, []yamledit.Edit, []manifest.Error)) {
	type result struct {
		edits []yamledit.Edit
		errs  []manifest.Error
	}
	inorder.Do(len(f.Documents), func(i int) (r result) {
		r.edits, r.errs = b.edits(f, f.Documents[i])
		return r
	}, func(i int, r result) { each(f.Documents[i], r.edits, r.errs) })
}

// edits returns what is to be added to the text of a document, with offsets in the
// file. Objects that cannot be added to without changing something else stay as they
// are, and are in the errors.
func (b *builder) edits(f *manifest.File, d *manifest.Document) (edits []yamledit.Edit, errs []manifest.Error) {
	if d.IsJSON {
		// Items of a list are edited one by one: a tree of all of them would be large.
		type result struct {
			edits []yamledit.Edit
			err   error
		}
		inorder.Do(len(d.Objects), func(i int) (r result) {
			o := d.Objects[i]
			r.edits, r.err = yamledit.EditsOfValue(f.Data, o.Start, o.Start+len(o.Raw), b.additions[o])
			return r
		}, func(i int, r result) {
			if r.err != nil {
				errs = append(errs, notAdded(f, d, d.Objects[i].Line, 1, r.err))
			}
			edits = append(edits, r.edits...)
		})
		return edits, errs
	}
	var additions []yamledit.Addition
	for _, o := range d.Objects {
		for _, a := range b.additions[o] {
			a.Pointer = o.Pointer + a.Pointer
			additions = append(additions, a)
		}
	}
	if len(additions) == 0 {
		return nil, nil
	}
	edits, err := yamledit.Edits(f.Data[d.Start:d.End], additions)
	if err != nil {
		return nil, []manifest.Error{notAdded(f, d, d.Line, d.First, err)}
	}
	for i := range edits {
		edits[i].Start += d.Start
		edits[i].End += d.Start
	}
	return edits, nil
}

// notAdded returns an error of package yamledit with its line in the file, where its text
// begins on the line first.
func notAdded(f *manifest.File, d *manifest.Document, line, first int, err error) manifest.Error {
	message := err.Error()
	if at, ok := errors.AsType[*yamledit.Error](err); ok {
		message = at.Message
		if at.Line > 0 {
			line = first + at.Line - 1
		}
	}
	return manifest.Error{File: f.Name, Document: d.Index, Line: line, Message: "nothing was added: " + message}
}
