// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Stdin is the name of standard input among paths, and in reports.
const Stdin = "-"

// An Input is a file with manifests.
type Input struct {
	Name string // as it was given
	Data []byte
}

// ReadInputs reads files, directories with all that is below them, and standard
// input where a path is "-". Of directories it reads the files whose names end in
// .yaml, .yml or .json, in the order of their names, and leaves hidden ones out.
// What cannot be read is in the errors, and does not stop the rest.
func ReadInputs(paths []string, stdin io.Reader) ([]Input, []InputError) {
	var inputs []Input
	var errs []InputError
	add := func(name string, data []byte, err error) {
		if err != nil {
			errs = append(errs, InputError{File: name, Message: withoutPath(err).Error()})
			return
		}
		inputs = append(inputs, Input{Name: name, Data: data})
	}
	for _, path := range paths {
		if path == Stdin {
			data, err := io.ReadAll(stdin)
			add(Stdin, data, err)
			continue
		}
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			data, err := os.ReadFile(path)
			add(path, data, err)
			continue
		}
		before := len(inputs) + len(errs)
		_ = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			hidden := strings.HasPrefix(entry.Name(), ".") && name != path
			switch {
			case err != nil:
				add(name, nil, err)
			case entry.IsDir() && hidden:
				return fs.SkipDir
			case !entry.IsDir() && !hidden && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)):
				data, err := os.ReadFile(name)
				add(name, data, err)
			}
			return nil
		})
		if len(inputs)+len(errs) == before {
			errs = append(errs, InputError{File: path, Message: "holds no file whose name ends in .yaml, .yml or .json"})
		}
	}
	return inputs, errs
}

// withoutPath leaves out the path, which an [InputError] has already.
func withoutPath(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

// lineOf returns the line of an offset in a text, from 1.
func lineOf(text []byte, offset int) int { return 1 + bytes.Count(text[:offset], []byte("\n")) }
