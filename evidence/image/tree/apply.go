// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"io/fs"
	"path"

	"github.com/caseharden/caseharden/evidence/image/layer"
)

// An applier applies one layer. It does what containerd does when it unpacks the layer:
//
//	the parents of a path    are made where they are missing; links among them are followed
//	a directory on another   keeps what is in it, and takes the new mode and owner
//	anything else            takes the place of what is there, with all below it
//	a hard link              is another name of the file; links in the path to it are followed
//	a whiteout               removes what lower layers have at its path, and nothing of this one
//	an opaque directory      loses what lower layers have in it, wherever the mark stands
type applier struct {
	*Tree
	digest string
	shared *attributes    // of the entry before, if nothing else is kept of it
	new    map[*node]bool // directories and files of this layer, with their parents
}

func (a *applier) apply(e layer.Entry) {
	switch {
	case e.Kind == layer.Opaque:
		if dir := a.parent(e.Path, false); dir != nil {
			a.clear(dir)
		}
		return
	case e.Path == "":
		if e.Kind == layer.File && e.Mode.IsDir() {
			a.root.attributes = a.attributesOf(e)
		}
		return
	}
	dir, name := path.Split(e.Path)
	parent := a.parent(dir, e.Kind != layer.Whiteout)
	if parent == nil {
		return
	}
	old := parent.children[name]
	switch e.Kind {
	case layer.Whiteout:
		if old != nil && !a.new[old] {
			a.remove(parent, name)
		} else if old != nil && old.attributes.mode.IsDir() {
			a.clear(old)
		}
	case layer.HardLink:
		w := walker{t: a.Tree}
		target := w.walk(path.Clean("/"+e.Link), false)
		a.steps += w.steps
		if target != nil && !target.attributes.mode.IsDir() {
			a.put(parent, name, &node{attributes: target.attributes})
		}
	case layer.File:
		if old != nil && e.Mode.IsDir() && old.attributes.mode.IsDir() {
			old.attributes = a.attributesOf(e)
			a.new[old] = true
			return
		}
		a.put(parent, name, &node{attributes: a.attributesOf(e)})
	}
}

// parent returns the directory of a path, and makes it if asked to. It returns nil where a file
// stands in the way, or links lead in a circle.
func (a *applier) parent(dir string, makeDirs bool) *node {
	w := walker{t: a.Tree}
	if makeDirs {
		w.make = func(parent *node, name string) *node {
			a.put(parent, name, &node{attributes: &attributes{mode: fs.ModeDir | 0o755, layer: a.digest}})
			return parent.children[name]
		}
	}
	n := w.walk("/"+dir, true)
	a.steps += w.steps
	if n == nil || !n.attributes.mode.IsDir() {
		return nil
	}
	if makeDirs {
		for _, passed := range w.stack {
			a.new[passed] = true
		}
	}
	return n
}

func (a *applier) attributesOf(e layer.Entry) *attributes {
	plain := e.Link == "" && e.Capability == "" && e.Interpreter == "" && !e.HasContent
	if s := a.shared; plain && s != nil && s.mode == e.Mode && s.uid == e.UID && s.gid == e.GID {
		return s
	}
	kept := &attributes{
		mode: e.Mode, uid: e.UID, gid: e.GID, layer: a.digest,
		link: e.Link, capability: e.Capability, program: e.Interpreter, content: e.Content, hasContent: e.HasContent,
	}
	a.text += len(e.Content) + len(e.Link) + len(e.Interpreter) + len(e.Capability)
	if plain {
		a.shared = kept
	}
	return kept
}

// put puts a file in a directory, in the place of what is there.
func (a *applier) put(parent *node, name string, n *node) {
	a.remove(parent, name)
	if parent.children == nil {
		parent.children = map[string]*node{}
	}
	parent.children[name] = n
	a.files++
	a.text += len(name)
	a.new[n] = true
}

// remove removes a file, with all below it.
func (a *applier) remove(parent *node, name string) {
	if n := parent.children[name]; n != nil {
		a.discount(n)
		delete(parent.children, name)
	}
}

func (a *applier) discount(n *node) {
	a.files--
	for _, child := range n.children {
		a.discount(child)
	}
}

// clear removes from a directory, and from those below it, what is not of this layer.
func (a *applier) clear(dir *node) {
	a.steps += len(dir.children)
	for name, child := range dir.children {
		switch {
		case !a.new[child]:
			a.remove(dir, name)
		case child.attributes.mode.IsDir():
			a.clear(child)
		}
	}
}
