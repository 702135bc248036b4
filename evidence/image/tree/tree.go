// SPDX-License-Identifier: Apache-2.0

// Package tree applies the layers of an image one after the other, as container runtimes
// unpack them, to the metadata of its file system.
package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/evidence/image/layer"
)

// Bounds of a whole image. An image beyond one of them is an error.
const (
	maxFiles = 1_000_000
	maxText  = 64 << 20    // bytes of names, links, interpreters, capabilities and contents, in all layers
	maxSteps = 100_000_000 // from a directory to a name in it, while layers are applied
	maxLinks = 40          // that one path may lead over, as in Linux
)

// A Tree is the file system of an image. Once all layers are applied it may be used by several
// goroutines. It implements [evidence.Files].
type Tree struct {
	root  *node
	files int
	text  int // bytes
	steps int

	maxSteps, maxText int
}

var _ evidence.Files = (*Tree)(nil)

// A node is a file under one of its names.
type node struct {
	attributes *attributes
	children   map[string]*node // of a directory, once it has any
}

// attributes are what many files have in common.
type attributes struct {
	mode                      fs.FileMode
	uid, gid                  int64
	layer                     string
	link, capability, program string
	content                   string
	hasContent                bool
}

// New returns the file system of no layer.
func New() *Tree {
	return &Tree{root: &node{attributes: &attributes{mode: fs.ModeDir | 0o755}}, files: 1, maxSteps: maxSteps, maxText: maxText}
}

// Apply applies a layer, which digest names. It ends early with the context.
func (t *Tree) Apply(ctx context.Context, digest string, index *layer.Index) error {
	a := &applier{Tree: t, digest: digest, new: map[*node]bool{}}
	for e := range index.Entries() {
		if err := ctx.Err(); err != nil {
			return err
		}
		a.apply(e)
		switch {
		case t.files > maxFiles:
			return fmt.Errorf("the image has more than %d files", maxFiles)
		case t.text > t.maxText:
			return fmt.Errorf("names, links, scripts and settings of the image have more than %d MiB", t.maxText>>20)
		case t.steps > t.maxSteps:
			return errors.New("to apply the layers of the image takes too many steps: its directories are nested too deeply, or emptied too often")
		}
	}
	return nil
}

// Stat describes what is at a path, and follows links on the way there only.
func (t *Tree) Stat(name string) (evidence.File, bool) {
	n := t.find(name, false)
	if n == nil {
		return evidence.File{}, false
	}
	a := n.attributes
	return evidence.File{
		Mode: a.mode, UID: a.uid, GID: a.gid, Link: a.link, Capabilities: layer.Capabilities(a.capability),
		Interpreter: a.program, Layer: a.layer,
	}, true
}

// Children returns the names in a directory, sorted. It follows links.
func (t *Tree) Children(name string) []string {
	n := t.find(name, true)
	if n == nil || len(n.children) == 0 {
		return nil
	}
	names := make([]string, 0, len(n.children))
	for name := range n.children {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Content returns what is kept of the content of a file. It follows links.
func (t *Tree) Content(name string) ([]byte, bool) {
	n := t.find(name, true)
	if n == nil || !n.attributes.hasContent {
		return nil, false
	}
	return []byte(n.attributes.content), true
}

// find returns the node at a path below the root; nil if there is none, or if links lead in a
// circle.
func (t *Tree) find(name string, follow bool) *node {
	w := walker{t: t}
	return w.walk(path.Clean("/"+name), follow)
}

// A walker follows a path. The way back from a directory is a stack, and not "..", so that
// nothing leads out of the root.
type walker struct {
	t     *Tree
	stack []*node // below the root
	links int
	steps int
	make  func(parent *node, name string) *node // makes what is missing; may be nil
}

func (w *walker) current() *node {
	if len(w.stack) == 0 {
		return w.t.root
	}
	return w.stack[len(w.stack)-1]
}

// walk follows a path from where the walker is, and a link at its end if asked to.
func (w *walker) walk(name string, follow bool) *node {
	if strings.HasPrefix(name, "/") {
		w.stack = w.stack[:0]
	}
	for name != "" {
		var component string
		component, name, _ = strings.Cut(name, "/")
		if !w.step(component, follow || strings.Trim(name, "/") != "") {
			return nil
		}
	}
	return w.current()
}

func (w *walker) step(component string, follow bool) bool {
	w.steps++
	switch component {
	case "", ".":
		return true
	case "..":
		w.stack = w.stack[:max(0, len(w.stack)-1)]
		return true
	}
	parent := w.current()
	next := parent.children[component]
	if next == nil && w.make != nil && parent.attributes.mode.IsDir() {
		next = w.make(parent, component)
	}
	if next == nil {
		return false
	}
	if next.attributes.mode&fs.ModeSymlink != 0 && follow {
		if w.links++; w.links > maxLinks || next.attributes.link == "" {
			return false
		}
		return w.walk(next.attributes.link, true) != nil
	}
	w.stack = append(w.stack, next)
	return true
}
