// SPDX-License-Identifier: Apache-2.0

package manifest

import "errors"

// A File is an input with its documents.
type File struct {
	Input          // its data as UTF-8; nil if it is no text
	IsUTF16   bool // as it was read
	Documents []*Document
}

// Read reads the documents of all inputs. What cannot be read is in the errors, and does
// not keep the rest from being read.
func Read(inputs []Input) (files []*File, errs []Error) {
	for _, input := range inputs {
		f, wrong := newFile(input)
		files, errs = append(files, f), append(errs, wrong...)
	}
	notePatches(files)
	return files, errs
}

// newFile reads the documents of an input.
func newFile(input Input) (*File, []Error) {
	text, isUTF16, err := decode(input.Data)
	input.Data = text
	f := &File{Input: input, IsUTF16: isUTF16}
	if located, ok := errors.AsType[*documentError](err); ok {
		return f, []Error{{File: input.Name, Line: located.line, Message: located.message}}
	}
	var errs []Error
	f.Documents, errs = documentsOf(f.Input)
	return f, errs
}
