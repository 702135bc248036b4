// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package debian makes container images of Debian's packages: real programs, with users,
// owners, modes and file capabilities as their packages make them. It guarantees that
//   - images that have the same Recipe share the same archive, in the user's cache: it is
//     made once;
//   - a layer keeps owners, modes, links, deleted files and file capabilities;
//   - nothing outlives Build but the files in the cache: mounts and processes are in
//     namespaces of their own.
//
// It needs root, mmdebstrap and overlayfs, and packages from a mirror of Debian.
//
// Start reading at Builder.Build.
package debian

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// A Recipe says what an image is made of.
type Recipe struct {
	Packages []string `json:"packages"`
	Files    []File   `json:"files,omitempty"` // written after the packages are installed
	Setup    string   `json:"setup,omitempty"` // a script that runs then, as root
	// Only, if set, has the image start from scratch, with these paths and the libraries
	// that programs among them need.
	Only  []string `json:"only,omitempty"`
	Image Config   `json:"image"`
}

// A File is a file of root's.
type File struct {
	Path    string `json:"path"`
	Mode    int64  `json:"mode,omitempty"` // if 0, 0644
	Content string `json:"content"`
}

// A Config says how containers of the image start, as the configuration of an image does.
type Config struct {
	User       string   `json:"user,omitempty"`
	Entrypoint []string `json:"entrypoint,omitempty"`
	Cmd        []string `json:"cmd,omitempty"`
	Env        []string `json:"env,omitempty"`
	WorkDir    string   `json:"workdir,omitempty"`
	Volumes    []string `json:"volumes,omitempty"`
	Expose     []string `json:"expose,omitempty"`
}

// An Image is one that has been made.
type Image struct {
	Name     string            `json:"name"`
	Archive  string            `json:"-"`        // its file, an OCI archive
	Packages map[string]string `json:"packages"` // versions of the packages of the Recipe
	Users    map[string]int64  `json:"users"`    // the lines of /etc/passwd
}

// suite is Debian 12.
const suite = "bookworm"

// format changes with what Build, or its script, makes of a Recipe.
const format = "1"

// key names what Build makes, in the cache.
func key(name string, r Recipe) string {
	text, err := json.Marshal(r)
	if err != nil {
		panic("internal error: a Recipe has no JSON: " + err.Error())
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(suite+format+name+string(text))))[:16]
}
