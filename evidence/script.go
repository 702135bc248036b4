// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/internal/shell"
)

// script follows the steps of a script. Steps that are for root only are taken if it runs
// as root, whatever else they depend on.
func (r *run) script(p process, file string, script shell.ShellRun, certain bool) {
	uncertain := r.uncertain
	defer func() { r.uncertain = uncertain }()
	r.uncertain = uncertain || !certain
	var last *shell.Step
	var lastSure bool
	var inside shells
	for _, step := range r.stepsOf(&p, file, script) {
		if !r.work.spend(10) {
			break
		}
		r.enter(&inside, step.Shell)
		sure := !r.uncertain && !step.When.Maybe
		fatal := sure && !step.Ignored
		r.step(&p, file, step, sure, fatal)
		switch {
		case len(inside) > 0 && isEnd(step):
			r.ends(inside, step)
		case step.Exec && len(inside) == 0 && (!step.When.Maybe || step.When.Root):
			return
		case step.Exec && len(inside) == 0, step.When.Maybe && isEnd(step):
			r.uncertain = true
		case isEnd(step):
			return
		case endsPerhaps[step.Words[0]]:
			r.uncertain = true
		case r.isProgram(step.Words[0]):
			last, lastSure = &step, sure && !step.Handled
			r.uncertain = r.uncertain || step.Exec
		}
	}
	r.enter(&inside, nil)
	if last != nil { // a script that ends without exec has its main program in the end
		r.exec(p, last.Words, lastSure && !r.uncertain)
	}
}

// endsPerhaps are commands that may end the script.
var endsPerhaps = map[string]bool{".": true, "source": true, "eval": true}

// isProgram reports whether a word names a program of the image that may run on: not one
// of those with which scripts prepare it.
func (r *run) isProgram(word string) bool {
	if word == shell.Anything || preparing[path.Base(word)] {
		return false
	}
	if strings.Contains(word, "/") {
		return r.onImage(r.absolute(word))
	}
	return slices.ContainsFunc(strings.Split(r.env["PATH"], ":"), func(dir string) bool {
		return dir != shell.Anything && r.onImage(path.Join("/", dir, word))
	})
}

// preparing are programs with which scripts prepare the main program.
var preparing = func() map[string]bool {
	names := map[string]bool{}
	for _, name := range strings.Fields("[ awk basename cat chgrp chmod chown cmp cp cut date dirname echo env expr false find getent grep groupadd " +
		"hostname id install ln ls mkdir mkfifo mktemp mv nproc openssl printf pwd readlink realpath rm rmdir sed seq sleep sort ssh-keygen stat sync tail tee " +
		"test touch tr true uname useradd usermod wc which xargs") {
		names[name] = true
	}
	return names
}()

func isEnd(step shell.Step) bool { return step.Words[0] == "exit" || step.Words[0] == "return" }

// stepsOf returns the steps of a script, which is parsed once for each process.
func (r *run) stepsOf(p *process, file string, script shell.ShellRun) []shell.Step {
	r.work.spend(len(script.Script) / 64)
	key := fmt.Sprint(p.uid, p.gid, len(p.effective), r.security.ReadOnlyRoot, len(r.extra), file) + "\x00" +
		fmt.Sprintf("%x", sha256.Sum256([]byte(script.Script))) + "\x00" + strings.Join(script.Args, "\x00")
	steps, known := r.steps[key]
	if !known && r.work.spend(len(script.Script)) {
		if r.env["HOME"] == "" {
			r.env["HOME"] = shell.Anything
		}
		steps = shell.Steps(script.Script, shell.Run{
			Name: file, Args: script.Args, Env: r.env, Root: p.uid == 0, OpenEnv: r.c.OpenEnv,
			Test: func(operator, path string) (bool, bool) { return r.test(p, operator, path) },
		})
		r.steps[key] = steps
	}
	return steps
}

// test answers a question of a script about a file, if the image tells: not about what an
// earlier step may have made, or what is on a volume.
func (r *run) test(p *process, operator, path string) (holds, known bool) {
	at := r.resolve(path)
	if at.mounted != nil || at.missing {
		return false, false
	}
	reachable := r.search(p, at) == ""
	switch operator {
	case "-e":
		return true, reachable
	case "-d":
		return at.file.Mode.IsDir(), reachable
	case "-f":
		return at.file.Mode.IsRegular(), reachable
	case "-r":
		return reachable && p.may(at.file, read), true
	case "-x":
		return reachable && p.may(at.file, execute), true
	case "-w":
		w := r.writing(p, at.path)
		return reachable && p.may(at.file, write) && !w.readOnly, true
	}
	return false, false
}

// step notes what is in the way of one step.
func (r *run) step(p *process, file string, step shell.Step, sure, fatal bool) {
	for _, target := range step.Writes {
		if step.Handled {
			break
		}
		r.writesFile(p, r.absolute(target), fmt.Sprintf("%s writes %s", nameOf(file), target), fatal)
	}
	words := step.Words
	name := path.Base(words[0])
	switch {
	case step.Exec && len(step.Shell) == 0:
		if words[0] == shell.Anything { // most often what the script was given
			r.exec(*p, step.Args, false)
			return
		}
		r.exec(*p, words, sure)
		return
	case name == "exit" && step.When.NotRoot && (len(words) < 2 || words[1] != "0"):
		if len(step.Shell) > 0 { // the end of a child shell
			if step.Handled {
				return
			}
			sure = fatal
		}
		literal := len(words) == 2 && strings.Trim(words[1], "0123456789") == ""
		r.needsRoot(p, file, "exits unless it runs as root", sure && literal)
		return
	case name == "cd" || name == "pushd" || name == "popd":
		if !sure || len(words) != 2 || words[1] == shell.Anything {
			r.uncertain = true // nobody knows where it is
			return
		}
		r.cwd = r.from(r.cwd, words[1]).path
		return
	case name == "chown" || name == "chgrp":
		r.changesOwner(p, file, words, fatal, step.Ignored)
		return
	}
	if (name == "initdb" || name == "sudo") && !usesWrapper(r, file) {
		r.account(p, words)
	}
	switch {
	case name == "cp" && slices.ContainsFunc(words[1:], replacesFile):
		name, fatal = "cp -f", false // where it may not write a file it removes it first, or does nothing
	case name == "ssh-keygen":
		fatal = false // with -A it reports no failure
	}
	for _, target := range written(path.Base(words[0]), words[1:]) {
		if step.Handled && name != "mktemp" {
			break
		}
		target.path = r.absolute(target.path)
		if target.unlessThere {
			if at := r.resolve(target.path); !at.missing {
				continue
			}
		}
		if at := r.resolve(target.path); !at.missing && at.mounted == nil && at.file.Mode.IsDir() && name != "mkdir" {
			target.isDir = true
		}
		source := fmt.Sprintf("%s runs %s %s", nameOf(file), name, target.path)
		if name == "touch" || name == "tee" || name == "cp" && !target.isDir {
			r.writesFile(p, target.path, source, fatal)
			continue
		}
		r.writes(p, target.dir(), source, fatal)
	}
	if _, is := userChangers[name]; is || name == "find" && slices.Contains(words, "chown") {
		if !is {
			r.changesOwner(p, file, words, fatal, step.Ignored)
			return
		}
		if r.changesUser(*p, words, fatal) {
			return
		}
	}
	if _, isShell := shell.RunBy(words); isShell || strings.HasPrefix(words[0], "/") {
		mains, cwd := r.mains, r.cwd
		r.exec(*p, words, fatal)
		r.mains, r.cwd = mains, cwd
		return
	}
	if helperNames[name] {
		r.program(p, words[0], fatal && !r.byOpenPATH(words[0]))
	}
}

// usesWrapper reports whether a script gives its user a line in /etc/passwd by a library.
func usesWrapper(r *run, file string) bool {
	content, _ := r.files.Content(file)
	r.work.spend(len(content) / 64)
	return strings.Contains(string(content), "NSS_WRAPPER")
}

// absolute returns the path that a script means.
func (r *run) absolute(p string) string {
	if strings.HasPrefix(p, "/") {
		return path.Clean(p)
	}
	return path.Join(r.cwd, p)
}

// nameOf names a script.
func nameOf(file string) string {
	if file == "" {
		return "the command"
	}
	return file
}

// A target is a file or a directory that a command writes.
type target struct {
	path        string
	isDir       bool // files are made in it
	unlessThere bool // nothing happens if it is there
}

// dir is the directory in which something is made.
func (t target) dir() string {
	if t.isDir {
		return t.path
	}
	return path.Dir(t.path)
}

// replacesFile reports whether an option of cp says not to write a file that is there.
func replacesFile(word string) bool {
	switch word {
	case "--force", "--remove-destination", "--no-clobber", "--backup", "--link", "--symbolic-link":
		return true
	}
	return strings.HasPrefix(word, "--update") || strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.ContainsAny(word, "fnubls")
}

// namesTarget reports whether a word is an option that names the directory to write to.
func namesTarget(word string) bool {
	return strings.HasPrefix(word, "-t") || strings.HasPrefix(word, "--target-directory")
}

// written returns what a command writes, as far as its words tell.
func written(name string, words []string) []target {
	var operands []string
	for i, w := range words {
		switch {
		case strings.HasPrefix(w, "-"):
		case i > 0 && name == "mkdir" && words[i-1] == "-m", i > 0 && name == "install" && len(words[i-1]) == 2 && strings.Contains("-m-o-g", words[i-1]):
		default:
			operands = append(operands, w)
		}
	}
	var targets []target
	each := func(paths []string, isDir, unlessThere bool) {
		for _, p := range paths {
			if strings.Contains(p, shell.Anything) || strings.ContainsAny(p, "*?") || strings.HasPrefix(p, "/dev/") || p == "" {
				continue
			}
			targets = append(targets, target{path: p, isDir: isDir, unlessThere: unlessThere})
		}
	}
	last := operands[max(0, len(operands)-1):]
	switch name {
	case "mkdir":
		each(operands, false, true)
	case "mktemp":
		if len(operands) == 0 {
			each([]string{"/tmp/x"}, false, false)
		}
		each(operands, false, false)
	case "touch", "tee", "mkfifo":
		each(operands, false, false)
	case "install":
		if slices.ContainsFunc(words, namesTarget) {
			break
		}
		each(last, false, slices.Contains(words, "-d"))
	case "cp", "mv", "ln":
		if len(operands) > 1 && !slices.ContainsFunc(words, namesTarget) {
			each(last, strings.HasSuffix(last[0], "/"), false)
		}
	case "ssh-keygen":
		file := ""
		if i := slices.Index(words, "-f"); i >= 0 && i+1 < len(words) {
			file = words[i+1]
		}
		switch {
		case slices.Contains(words, "-A"): // the keys of the host that are not there, below a prefix
			each([]string{file + "/etc/ssh/ssh_host_ed25519_key"}, false, true)
		case slices.Contains(words, "-t"), slices.Contains(words, "-N"):
			each([]string{file}, false, true)
		}
	case "sed":
		if slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "-i") || w == "--in-place" }) && len(operands) > 1 {
			each(last, false, false)
		}
	}
	return targets
}
