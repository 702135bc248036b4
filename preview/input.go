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

	// Found is a file that was found in a directory, in which there may be others
	// than manifests.
	Found bool
}

// ReadInputs reads files, directories with all that is below them, and standard
// input where a path is "-". Of directories it reads the files whose names end in
// .yaml, .yml or .json, in the order of their names, and leaves hidden ones out.
// A file that is meant more than once it reads once.
// What cannot be read is in the errors, and does not stop the rest.
func ReadInputs(paths []string, stdin io.Reader) ([]Input, []InputError) {
	var inputs []Input
	var errs []InputError
	add := func(name string, data []byte, found bool, err error) {
		if err != nil {
			errs = append(errs, InputError{File: name, Message: withoutPath(err).Error()})
			return
		}
		inputs = append(inputs, Input{Name: name, Data: data, Found: found})
	}
	read := map[string]bool{} // a file is read once, however often it is meant
	readFile := func(name string, found bool) {
		id, err := filepath.Abs(name)
		if err != nil || read[id] {
			return
		}
		read[id] = true
		data, err := os.ReadFile(name)
		add(name, data, found, err)
	}
	for _, path := range paths {
		if path == Stdin {
			data, err := io.ReadAll(stdin)
			add(Stdin, data, false, err)
			continue
		}
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			readFile(path, false)
			continue
		}
		empty := true
		_ = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			hidden := strings.HasPrefix(entry.Name(), ".") && name != path
			switch {
			case err != nil:
				add(name, nil, true, err)
				empty = false
			case entry.IsDir() && hidden:
				return fs.SkipDir
			case !entry.IsDir() && !hidden && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name)):
				readFile(name, true)
				empty = false
			}
			return nil
		})
		if empty {
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
