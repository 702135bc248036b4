// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// platforms are those that a release has binaries for. What a package is built from may
// depend on them.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"}

// A component is a module of which something is linked into the binary, or Go itself.
type component struct {
	path    string
	version string // empty for Go: any that can build the binary has the same terms
	dir     string
	// Those of dir and below whose files count: of the packages that are linked, with all
	// up to dir.
	dirs map[string]bool

	files []file
}

// linked returns what the main package of a module is built from, by path.
func linked(ctx context.Context, module string) ([]component, error) {
	goroot, err := goCommand(ctx, module, "", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	std := component{path: "Go and its standard library", dir: strings.TrimSpace(string(goroot))}
	std.dirs = map[string]bool{std.dir: true}
	found := map[string]*component{std.path: &std}
	for _, platform := range platforms {
		output, err := goCommand(ctx, module, platform, "list", "-deps", "-json=Dir,Module", ".")
		if err != nil {
			return nil, err
		}
		if err := addModules(found, output); err != nil {
			return nil, err
		}
	}
	var all []component
	for _, c := range found {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b component) int { return cmp.Compare(a.path, b.path) })
	return all, nil
}

// addModules adds the modules of packages, as go list describes them.
func addModules(found map[string]*component, packages []byte) error {
	for decoder := json.NewDecoder(bytes.NewReader(packages)); ; {
		var p struct {
			Dir    string
			Module *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		if p.Module == nil || p.Module.Main { // the standard library, or our own
			continue
		}
		c := found[p.Module.Path]
		if c == nil {
			c = &component{path: p.Module.Path, version: p.Module.Version, dir: p.Module.Dir, dirs: map[string]bool{}}
			found[c.path] = c
		}
		for dir := p.Dir; ; dir = filepath.Dir(dir) {
			c.dirs[dir] = true
			if dir == c.dir {
				break
			}
		}
	}
}

// goCommand runs go in dir, for a platform unless that is empty.
func goCommand(ctx context.Context, dir, platform string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as the binary is built
	if system, architecture, found := strings.Cut(platform, "/"); found {
		cmd.Env = append(cmd.Env, "GOOS="+system, "GOARCH="+architecture)
	}
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return output, nil
}
