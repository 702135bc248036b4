// SPDX-License-Identifier: Apache-2.0

// Package shell reads command lines and scripts of shells, as far as their text shows what
// they do.
package shell

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// A Program is one that a command runs, with the words after it.
type Program struct {
	Name string // without its directory
	Args []string
}

var isAssignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// Programs lists what a command line runs, as far as the line shows: the program
// itself, the programs that it is told to run, and those of scripts for a shell.
// A shell itself is not listed, and a script in a file cannot be seen. Without a
// command the arguments go to the image's entrypoint, which often is a shell or
// runs them.
func Programs(line []string, hasCommand bool) []Program {
	var f finder
	if !hasCommand && areForShell(line) {
		f.shell(line, "")
	} else {
		f.run(line, "")
	}
	return f.found
}

// A finder collects programs.
type finder struct {
	found []Program
	depth int // how many commands and scripts are around this one
}

// maxDepth bounds the time for eval eval eval and similar commands. Real manifests need 4.
const maxDepth = 16

// deeper calls f with the depth one higher, unless that is too deep.
func (f *finder) deeper(do func()) {
	if f.depth < maxDepth {
		f.depth++
		do()
		f.depth--
	}
}

// run collects the program of a command line, and those that it runs in turn. The
// text on standard input is a script where the program is a shell.
func (f *finder) run(line []string, stdin string) {
	if len(line) == 0 {
		return
	}
	p := Program{Name: path.Base(line[0]), Args: line[1:]}
	if slices.Contains(shells, p.Name) {
		f.shell(p.Args, stdin)
		return
	}
	if p.Name != anything {
		f.found = append(f.found, p)
	}
	if l, is := launcherNamed(p.Name); is {
		f.deeper(func() { f.launch(l, p.Args, stdin) })
	}
}

// launch collects what a launcher runs.
func (f *finder) launch(l launcher, args []string, stdin string) {
	if len(l.commands) > 0 {
		for len(args) > 0 {
			word := args[0]
			args = args[1:]
			if !slices.Contains(l.commands, word) {
				continue
			}
			command := args
			if end := slices.IndexFunc(args, func(w string) bool { return w == ";" || w == "+" }); end >= 0 {
				command = args[:end]
			}
			f.run(command, "")
			args = args[len(command):] // they are not looked at twice, however deep they are
		}
		return
	}
	a := l.read(args)
	if a.has(l.lookups) {
		return
	}
	for _, text := range a.scripts {
		f.script(text)
	}
	if l.evaluates {
		f.script(strings.Join(a.operands, " "))
		return
	}
	command := a.operands[min(l.operands, len(a.operands)):]
	for l.assignments && len(command) > 0 && isAssignment.MatchString(command[0]) {
		command = command[1:]
	}
	f.run(command, stdin)
}
