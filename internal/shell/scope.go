// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"maps"
	"slices"
)

// A scope is what is known of variables and arguments at a place of a script.
type scope struct {
	vars map[string]value
	args []value
}

func (w *walker) scope() scope {
	w.spend(len(w.vars))
	return scope{maps.Clone(w.vars), w.args}
}

func (w *walker) restore(s scope) { w.vars, w.args = s.vars, s.args }

// merge forgets what the other way here has otherwise.
func (w *walker) merge(other scope) {
	for name, v := range other.vars {
		if mine, set := w.vars[name]; !set || mine != v {
			w.vars[name] = value{}
		}
	}
	for name := range w.vars {
		if _, set := other.vars[name]; !set {
			w.vars[name] = value{}
		}
	}
	if !slices.Equal(w.args, other.args) {
		w.args = nil
	}
}

// child walks what runs in a child shell: what it sets, and where it ends, is not the
// script's. It returns what is known at its end.
func (w *walker) child(walk func()) scope {
	before, now, errexit, returned, shells := w.scope(), w.now, w.errexit, w.returned, w.shells
	w.shell++
	w.shells = append(slices.Clone(shells), w.shell)
	walk()
	inside := scope{w.vars, w.args}
	w.restore(before)
	w.now, w.errexit, w.returned, w.shells = now, errexit, returned, shells
	return inside
}
