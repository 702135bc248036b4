// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Stdin is the name of standard input among paths, and in reports.
const Stdin = "-"

// maxInputBytes bounds all that one preview reads, so that a file without an end cannot
// take all memory. 100,000 pods in one JSON file have about as much.
const maxInputBytes = 512 << 20

// An Input is a file with manifests.
type Input struct {
	Name string // as it was given
	Data []byte

	// Found is a file that was found in a directory, in which there may be others
	// than manifests.
	Found bool
}

// ReadInputs reads files, directories with all that is below them, and standard
// input where a path is "-". Of directories it reads the regular files whose names end
// in .yaml, .yml or .json, in the order of their names, and no hidden ones. It reads a
// file once, also where several paths or links lead to it. It returns an error for each
// file that cannot be read, and reads the others.
func ReadInputs(paths []string, stdin io.Reader) ([]Input, []Error) {
	r := reader{stdin: stdin, left: maxInputBytes, seen: map[string]bool{}}
	for _, path := range paths {
		r.path(path)
	}
	return r.inputs, r.errs
}

// A reader collects inputs.
type reader struct {
	stdin  io.Reader
	left   int64           // bytes that may still be read
	seen   map[string]bool // files, by where their links lead
	inputs []Input
	errs   []Error
}

// path reads what the user named: standard input, a directory, or any other file, also
// a pipe such as <(helm template shop ./chart).
func (r *reader) path(name string) {
	if name == Stdin {
		r.read(name, r.stdin, 0, false)
		return
	}
	info, err := os.Stat(name)
	switch {
	case err != nil && (strings.HasPrefix(name, "https://") || strings.HasPrefix(name, "http://")):
		r.fail(name, fmt.Errorf("is an address, and manifests are read from files: curl -sSL %s | caseharden preview -f -", name))
		return
	case err != nil:
		r.fail(name, err)
		return
	case info.IsDir():
		r.directory(name)
		return
	case r.again(name):
		return
	}
	file, err := os.Open(name)
	if err != nil {
		r.fail(name, err)
		return
	}
	defer file.Close()
	r.read(name, file, info.Size(), false)
}

// again reports whether a file was seen before.
func (r *reader) again(name string) bool {
	id := target(name)
	if r.seen[id] {
		return true
	}
	r.seen[id] = true
	return false
}

// target returns the absolute path to which a name leads, through all links.
func target(name string) string {
	absolute, err := filepath.Abs(name)
	if err != nil {
		return filepath.Clean(name)
	}
	if resolved, err := filepath.EvalSymlinks(absolute); err == nil {
		return resolved
	}
	return absolute // such as /dev/fd/3, which leads to no path
}

// read reads a file to its end. The size is what to expect, or 0.
func (r *reader) read(name string, file io.Reader, size int64, found bool) {
	data, err := readUpTo(file, size, r.left)
	if err != nil {
		r.fail(name, err)
		return
	}
	r.left -= int64(len(data))
	r.inputs = append(r.inputs, Input{Name: name, Data: data, Found: found})
}

var errTooLarge = fmt.Errorf("the input is larger than %d MiB: preview fewer files at a time", maxInputBytes>>20)

// readUpTo reads a file to its end, and returns errTooLarge if it has more bytes than most.
// It reads piece by piece: a buffer that doubles would take four times as much for a file
// without an end.
func readUpTo(file io.Reader, size, most int64) ([]byte, error) {
	const piece = 8 << 20
	var pieces [][]byte
	var total int64
	for next := size + bytes.MinRead; total <= most && size <= most; next = piece {
		data := make([]byte, next)
		n, err := io.ReadFull(file, data)
		pieces, total = append(pieces, data[:n]), total+int64(n)
		switch {
		case total > most:
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			if len(pieces) == 1 {
				return pieces[0], nil
			}
			return slices.Concat(pieces...), nil
		case err != nil:
			return nil, err
		}
	}
	return nil, errTooLarge
}

func (r *reader) fail(name string, err error) {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err // an Error has the path already
	}
	r.errs = append(r.errs, Error{File: name, Message: err.Error()})
}
