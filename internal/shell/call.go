// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// call walks a simple command.
func (w *walker) call(n *syntax.Stmt, c *syntax.CallExpr, s state) (ended bool, after When) {
	var writes []string
	for _, r := range n.Redirs {
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll:
			if v := w.word(r.Word); v.plain() && !strings.HasPrefix(v.text, "/dev/") {
				writes = append(writes, v.text)
			}
		}
	}
	if len(c.Args) == 0 {
		for _, a := range c.Assigns {
			w.assign(a)
		}
		if len(writes) > 0 {
			w.add(Step{Words: []string{":"}, Writes: writes}, s)
		}
		return false, When{}
	}
	words := w.words(c.Args)
	name := words[0]
	if body := w.functions[name.text]; body != nil && name.plain() && w.depth < maxDepth {
		saved := w.args
		w.args = words[1:]
		w.depth++
		ended, after = w.statement(body, s)
		if w.returned {
			w.returned, ended, after = false, false, When{}
		}
		w.depth--
		w.args = saved
		return ended, after
	}
	step := Step{Words: texts(words), Writes: writes}
	switch name.text {
	case "set":
		w.set(words[1:], s)
		return false, When{}
	case "read", "unset", "getopts", "mapfile", "readarray":
		for _, v := range words[1:] {
			w.vars[v.text] = value{}
		}
	case "shift":
		if s.Maybe || len(words) > 1 {
			w.args = nil
		} else if len(w.args) > 0 {
			w.args = w.args[1:]
		}
		return false, When{}
	case "exit", "return":
		w.add(step, s)
		w.returned = name.text == "return" && w.depth > 0
		return name.text == "exit" || w.returned, When{}
	case "exec":
		step.Words = withoutExec(step.Words[1:])
		if len(step.Words) == 0 {
			return false, When{}
		}
		step.Exec = true
		if step.Words[0] == Anything && w.args != nil {
			step.Args = texts(w.args)
		}
		w.add(step, s)
		return true, When{}
	}
	w.add(step, s)
	return false, When{}
}

// withoutExec leaves out the options of exec.
func withoutExec(words []string) []string {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		if words[0] == "-a" && len(words) > 1 {
			words = words[1:]
		}
		words = words[1:]
	}
	return words
}

func (w *walker) add(step Step, s state) {
	step.Shell = w.shells
	s.Maybe = s.Maybe || w.budget < 0 // its words were not read to their end
	step.When, step.Handled, step.Ignored = s.When, s.handled, s.handled || !w.errexit
	w.steps = append(w.steps, step)
}
