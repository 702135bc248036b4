// SPDX-License-Identifier: Apache-2.0

// Package profile reads and writes profiles as files: YAML documents of the kind
// Profile. It also has the profiles that are part of the program, as such files.
//
// Reading is strict, and one report has everything that is wrong in all the files,
// each with its file, its line and its path. What a profile does is for package
// defaults, which knows nothing of files.
//
// Start reading at file.go, which reads a document, then at resolve.go, which puts a
// profile together with its base.
package profile

import (
	"embed"

	"github.com/caseharden/caseharden/defaults"
)

//go:embed builtin/*.yaml
var builtins embed.FS

// Builtin returns the profiles that are part of the program, in the order of
// their names.
func Builtin() ([]*defaults.Profile, error) { return Parse(nil) }

func builtinFiles() ([]File, error) {
	const dir = "builtin"
	entries, err := builtins.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, entry := range entries {
		data, err := builtins.ReadFile(dir + "/" + entry.Name())
		if err != nil {
			return nil, err
		}
		files = append(files, File{Name: entry.Name(), Data: data})
	}
	return files, nil
}
