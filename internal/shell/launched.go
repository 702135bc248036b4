// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"path"
	"slices"
	"strings"
)

// A Launch is a command line whose program runs another one.
type Launch struct {
	Options  map[string]string // with their values, without dashes
	Operands []string          // before the command: the user of gosu
	Command  []string          // what it runs
	Script   string            // or the script that it runs
	IsScript bool
}

// Launched takes a command line apart whose program runs another one, such as tini, env or
// gosu. False is for all other programs, and where it only looks something up.
func Launched(line []string) (Launch, bool) {
	if len(line) == 0 {
		return Launch{}, false
	}
	l, is := launcherNamed(path.Base(line[0]))
	if !is || len(l.commands) > 0 || l.evaluates {
		return Launch{}, false
	}
	a := l.read(line[1:])
	if a.has(l.lookups) {
		return Launch{}, false
	}
	n := min(l.operands, len(a.operands))
	launch := Launch{Options: map[string]string{}, Operands: a.operands[:n], Command: a.operands[n:]}
	for _, option := range a.options {
		launch.Options[option] = a.values[option]
	}
	for l.assignments && len(launch.Command) > 0 && isAssignment.MatchString(launch.Command[0]) {
		launch.Command = launch.Command[1:]
	}
	if len(a.scripts) > 0 {
		launch.Script, launch.IsScript = a.scripts[0], true
		if path.Base(line[0]) == "env" {
			launch.Command, launch.IsScript = append(strings.Fields(launch.Script), launch.Command...), false
		}
	}
	return launch, len(launch.Command) > 0 || launch.IsScript
}

// A ShellRun is what a shell is told to run.
type ShellRun struct {
	Script string   // after -c
	File   string   // or a file
	Args   []string // of the script: $1 and so on
}

// RunBy takes a command line apart whose program is a shell; false for all other programs,
// and where the shell reads its standard input.
func RunBy(line []string) (ShellRun, bool) {
	if len(line) == 0 || !slices.Contains(shells, path.Base(line[0])) {
		return ShellRun{}, false
	}
	a := shellOptions.read(line[1:])
	switch {
	case len(a.operands) == 0 || slices.Contains(a.options, "s"):
		return ShellRun{}, false
	case slices.Contains(a.options, "c"):
		run := ShellRun{Script: a.operands[0], Args: []string{}}
		if slices.Contains(a.options, "e") {
			run.Script = "set -e\n" + run.Script
		}
		if len(a.operands) > 2 {
			run.Args = a.operands[2:] // the first is $0
		}
		return run, true
	}
	return ShellRun{File: a.operands[0], Args: a.operands[1:]}, true
}

// IsShell reports whether a program is a shell.
func IsShell(program string) bool { return slices.Contains(shells, path.Base(program)) }
