// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/caseharden/caseharden/internal/shell"
)

var programNotExecutable = &Cause{
	ID:       "program-not-executable",
	Title:    "Program closed to the user",
	Settings: []string{"runAsUser"},
	When:     "the user may not execute the program or its interpreter, or not search a directory on the way to it; or an empty directory is mounted over it",
	Because:  "the container does not start: the runtime or the kernel refuses to execute the program",
	Fix:      "run the container as a user that may execute the program",
}

// maxExec bounds programs that run programs, such as a script that runs itself.
const maxExec = 12

// exec follows the execution of a command line. It is certain if nothing that only a run
// could tell decides whether it happens.
func (r *run) exec(p process, argv []string, certain bool) {
	if r.depth >= maxExec || len(argv) == 0 || argv[0] == shell.Anything || argv[0] == "" || !r.work.spend(100) {
		r.mains = append(r.mains, p)
		return
	}
	r.depth++
	defer func() { r.depth-- }()
	certain = certain && !r.byOpenPATH(argv[0])
	at, found := r.program(&p, argv[0], certain)
	if !found {
		return
	}
	if r.changesUser(p, argv, certain) {
		return
	}
	switch script, file, isScript := r.scriptOf(&p, argv, at, certain); {
	case !isScript:
	case script == nil:
		return // its interpreter is not there
	default:
		known := r.programs
		r.script(p, file, *script, certain)
		if r.programs == known { // such as one that ends with eval: its own words and variables tell
			r.mainProgram(p, argv, at)
		}
		return
	}
	if launch, is := shell.Launched(argv); is {
		if launch.IsScript {
			r.script(p, "", shell.ShellRun{Script: launch.Script, Args: launch.Command}, certain)
			return
		}
		r.exec(p, launch.Command, certain)
		return
	}
	r.mainProgram(p, argv, at)
}

// byOpenPATH reports whether only a run could tell which program a name stands for.
func (r *run) byOpenPATH(name string) bool { return r.openPATH && !strings.Contains(name, "/") }

// program finds a program as the runtime and shells do, and checks that it can be executed
// with all its interpreters. False is for a program that cannot, or of which nothing is
// known.
func (r *run) program(p *process, name string, certain bool) (location, bool) {
	if strings.Contains(name, "/") {
		at := r.from(r.cwd, name)
		return at, r.executable(p, at, name, certain)
	}
	var closed *location
	for _, dir := range strings.Split(r.env["PATH"], ":") {
		if dir == shell.Anything {
			return location{}, false
		}
		at := r.from(r.cwd, path.Join(dir, name))
		if at.mounted != nil && !r.hidden(at) {
			return location{}, false // it may be there
		}
		if at.missing || at.mounted != nil || at.file.Mode.IsDir() {
			if r.onImage(path.Join(dir, name)) {
				closed = &at
			}
			continue
		}
		if r.search(p, at) == "" && p.may(at.file, execute) {
			return at, r.executable(p, at, name, certain)
		}
		if closed == nil {
			closed = &at
		}
	}
	if closed != nil {
		return *closed, r.executable(p, *closed, name, certain)
	}
	return location{}, false // not in the image either way
}

// hidden reports whether a location is on an empty directory of the profile.
func (r *run) hidden(at location) bool { return at.mounted != nil && at.mounted.Profile }

// onImage reports whether the image has a file at a path, whatever is mounted there.
func (r *run) onImage(p string) bool {
	at := (&view{files: r.files, work: r.work}).resolve(p)
	return !at.missing && !at.file.Mode.IsDir()
}

// executable notes why a program cannot be executed.
func (r *run) executable(p *process, at location, name string, certain bool) bool {
	trouble := trouble{cause: programNotExecutable, severity: High, proven: certain, key: at.path}
	if !certain {
		trouble.severity = Medium
	}
	who := p.String()
	switch dir := r.search(p, at); {
	case r.hidden(at):
		if r.onImage(at.path) {
			trouble.what = fmt.Sprintf("an empty directory at %s hides %s", at.mounted.Path, name)
			trouble.items = []Item{r.item(at.path, fmt.Sprintf("the image has %s, and the profile mounts an empty directory at %s", at.path, at.mounted.Path), "")}
			r.add(trouble)
		}
		return false
	case at.mounted != nil:
		return false // of a volume nothing is known
	case at.missing:
		return false // the image lacks it, whatever the settings are
	case dir != "":
		f, _ := r.stat(dir)
		trouble.what = fmt.Sprintf("%s may not search %s, in which %s is", who, dir, name)
		trouble.items = []Item{r.item(dir, describe(dir, f), f.Layer)}
		r.add(trouble)
		return false
	case !at.file.Mode.IsRegular():
		return false
	case !p.may(at.file, execute):
		trouble.what = fmt.Sprintf("%s may not execute %s", who, at.path)
		trouble.items = []Item{r.item(at.path, describe(at.path, at.file), at.file.Layer)}
		r.add(trouble)
		return false
	}
	if !r.fileCapabilities(p, at, certain) {
		return false
	}
	r.setuid(p, at, name, certain)
	if interpreter, _, _ := strings.Cut(at.file.Interpreter, " "); strings.HasPrefix(interpreter, "/") && r.depth < maxExec {
		r.depth++
		ok := r.executable(p, r.resolve(interpreter), interpreter, certain)
		r.depth--
		return ok || r.resolve(interpreter).mounted != nil
	}
	return true
}

// String names the user of a process.
func (p *process) String() string {
	switch {
	case p.uid == 0:
		return "root without DAC_OVERRIDE"
	case p.account != "":
		return fmt.Sprintf("user %d (%s)", p.uid, p.account)
	}
	return fmt.Sprintf("user %d", p.uid)
}

// scriptOf returns the script of a shell that a command line runs: a program that is a
// script, or what a shell is told to run. Nil is for one that cannot be read.
func (r *run) scriptOf(p *process, argv []string, at location, certain bool) (script *shell.ShellRun, file string, is bool) {
	run, is := shell.RunBy(argv)
	switch {
	case is && run.File == "":
		return &run, "", true
	case is:
		at = r.from(r.cwd, run.File)
		if !strings.Contains(run.File, "/") && at.missing {
			return nil, "", true
		}
	default:
		content, _ := r.files.Content(at.path)
		words := interpreterLine(content)
		if len(words) == 0 {
			return nil, "", false
		}
		if path.Base(words[0]) == "env" { // which looks for the program of its first argument
			line := append([]string{}, words...)
			launch, ok := shell.Launched(line)
			if !ok {
				return nil, "", false
			}
			if _, found := r.program(p, launch.Command[0], certain && !r.byOpenPATH(launch.Command[0])); !found {
				return nil, "", true
			}
			words = launch.Command
		}
		if !shell.IsShell(words[0]) {
			r.mainProgram(*p, argv, at)
			return nil, "", true
		}
		run = shell.ShellRun{File: at.path, Args: argv[1:]}
	}
	if at.missing || at.mounted != nil || at.file.Mode&fs.ModeType != 0 {
		return nil, "", true
	}
	if r.search(p, at) != "" || !p.may(at.file, read) {
		t := trouble{cause: programNotExecutable, severity: High, proven: certain, key: at.path,
			what:  fmt.Sprintf("%s may not read the script %s", p, at.path),
			items: []Item{r.item(at.path, describe(at.path, at.file), at.file.Layer)}}
		if !certain {
			t.severity = Medium
		}
		r.add(t)
		return nil, "", true
	}
	content, found := r.files.Content(at.path)
	if !found {
		return nil, "", true
	}
	r.work.spend(len(content) / 64)
	run.Script = string(content)
	return &run, at.path, true
}

// interpreterLine returns the words after #!.
func interpreterLine(content []byte) []string {
	line, _, _ := strings.Cut(string(content[:min(len(content), 256)]), "\n")
	rest, is := strings.CutPrefix(line, "#!")
	if !is {
		return nil
	}
	return strings.Fields(rest)
}
