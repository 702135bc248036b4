// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"errors"

	"github.com/caseharden/caseharden/preview/yamledit"
)

// eachEdits calls each with what is to be added to every document, one after the other.
// Errors go to the report.
func (p *Preview) eachEdits(f *file, each func(*document, []yamledit.Edit)) {
	type result struct {
		edits []yamledit.Edit
		errs  []InputError
	}
	inOrder(len(f.documents), func(i int) (r result) {
		r.edits, r.errs = f.edits(f.documents[i])
		return r
	}, func(i int, r result) {
		p.Report.Errors = append(p.Report.Errors, r.errs...)
		each(f.documents[i], r.edits)
	})
}

// edits returns what is to be added to the text of a document, with its places in the
// file. Objects that cannot be added to without changing something else stay as they
// are, and are in the errors.
func (f *file) edits(d *document) (edits []yamledit.Edit, errs []InputError) {
	if d.isJSON {
		// Items of a list are edited one by one: a tree of all of them would be large.
		type result struct {
			edits []yamledit.Edit
			err   error
		}
		inOrder(len(d.objects), func(i int) (r result) {
			o := d.objects[i]
			r.edits, r.err = yamledit.EditsOfValue(f.Data, o.start, o.start+len(o.raw), f.additionsTo("", o))
			return r
		}, func(i int, r result) {
			if r.err != nil {
				errs = append(errs, f.notAdded(d, d.objects[i].line, 1, r.err))
			}
			edits = append(edits, r.edits...)
		})
		return edits, errs
	}
	var additions []yamledit.Addition
	for _, o := range d.objects {
		additions = append(additions, f.additionsTo(o.pointer, o)...)
	}
	if len(additions) == 0 {
		return nil, nil
	}
	edits, err := yamledit.Edits(f.Data[d.start:d.end], additions)
	if err != nil {
		return nil, []InputError{f.notAdded(d, d.line, d.first, err)}
	}
	for i := range edits {
		edits[i].Start += d.start
		edits[i].End += d.start
	}
	return edits, nil
}

// additionsTo returns the additions to an object, below a pointer.
func (f *file) additionsTo(pointer string, o *object) []yamledit.Addition {
	operations := f.additions[o]
	additions := make([]yamledit.Addition, 0, len(operations))
	for _, operation := range operations {
		additions = append(additions, yamledit.Addition{Pointer: pointer + operation.Path, Value: operation.Value})
	}
	return additions
}

// notAdded returns an error of package yamledit with its line in the file, where its text
// begins on the line first.
func (f *file) notAdded(d *document, line, first int, err error) InputError {
	message := err.Error()
	if at, ok := errors.AsType[*yamledit.Error](err); ok {
		message = at.Message
		if at.Line > 0 {
			line = first + at.Line - 1
		}
	}
	return InputError{File: f.Name, Document: d.index, Line: line, Message: "nothing was added: " + message}
}
