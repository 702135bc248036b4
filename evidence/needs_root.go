// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/internal/shell"
)

var entrypointNeedsRoot = &Cause{
	ID:       "entrypoint-needs-root",
	Title:    "Entrypoint that needs root",
	Settings: []string{"runAsUser"},
	When:     "the image's entrypoint changes owners or its user (chown, gosu, su-exec, setpriv, su, runuser) without asking first whether it runs as root, or exits unless it runs as root",
	Because:  "the kernel refuses that to a user other than root, and to root without the capabilities CHOWN, SETUID and SETGID",
	Fix:      "run the container as root with the capabilities that its entrypoint needs, or run its main program without the entrypoint",
}

// userChangers are programs that run another one as another user, with the operand or the
// option that names the user.
var userChangers = map[string][]string{
	"gosu": nil, "su-exec": nil, "s6-setuidgid": nil, "setuidgid": nil, "su": nil,
	"setpriv": {"reuid", "ruid", "euid"}, "runuser": {"u", "user"}, "chpst": {"u"},
	"start-stop-daemon": {"c", "chuid"}, "sudo": {"u", "user"},
}

// changesUser follows a command line that runs another one as another user; false if it
// does not.
func (r *run) changesUser(p process, argv []string, certain bool) bool {
	name := path.Base(argv[0])
	options, is := userChangers[name]
	if !is {
		return false
	}
	launch, _ := shell.Launched(argv)
	user := ""
	for _, o := range options {
		if launch.Options[o] != "" {
			user = launch.Options[o]
		}
	}
	switch {
	case user == "" && len(launch.Operands) > 0:
		user = launch.Operands[0]
	case user == "" && name == "runuser" && len(launch.Command) > 0 && launch.IsScript:
		user = launch.Command[0]
	case user == "" && options != nil:
		return name == "start-stop-daemon" // setpriv may only drop capabilities
	}
	if !p.can("SETUID") || !p.can("SETGID") {
		if p.uid != 0 && (name == "sudo" || name == "su") {
			return true // the setuid bit has its own cause
		}
		r.needsRoot(&p, "", fmt.Sprintf("runs %s, which changes the user", strings.TrimSpace(name+" "+known(user))), certain)
		return true
	}
	account, found := r.accountNamed(strings.SplitN(user, ":", 2)[0])
	if user == shell.Anything || !found {
		return true
	}
	next := r.become(p, account)
	if launch.IsScript {
		r.script(next, "", shell.ShellRun{Script: launch.Script}, certain)
		return true
	}
	r.exec(next, launch.Command, certain)
	return true
}

// known leaves out words that only a run could tell.
func known(word string) string {
	if word == shell.Anything {
		return ""
	}
	return word
}

// needsRoot notes that an entrypoint does something for which it has to be root.
func (r *run) needsRoot(p *process, file, does string, certain bool) {
	t := trouble{cause: entrypointNeedsRoot, severity: High, proven: certain, key: does}
	if !certain {
		t.severity = Medium
	}
	who := fmt.Sprintf("as user %d", p.uid)
	if p.uid == 0 {
		who = "as root without capabilities"
	}
	at := file
	if at == "" {
		at = r.entrypoint()
	}
	t.what = fmt.Sprintf("%s %s, which fails %s", nameOf(at), does, who)
	t.items = []Item{r.item(at, fmt.Sprintf("%s %s", nameOf(at), does), r.layerOf(at))}
	r.add(t)
}

// entrypoint is the path of the first script of the container.
func (r *run) entrypoint() string {
	for _, word := range r.argv {
		name := word
		if !strings.Contains(name, "/") {
			for _, dir := range strings.Split(r.env["PATH"], ":") {
				if at := r.resolve(path.Join(dir, word)); !at.missing && at.mounted == nil {
					name = at.path
					break
				}
			}
		}
		if at := r.from("/", name); !at.missing && at.mounted == nil && strings.Contains(name, "/") {
			if content, _ := r.files.Content(at.path); len(interpreterLine(content)) > 0 {
				return at.path
			}
		}
	}
	return ""
}

func (r *run) layerOf(file string) string {
	if at := r.resolve(file); file != "" && !at.missing && at.mounted == nil {
		return at.file.Layer
	}
	return ""
}

// changesOwner notes a chown that the kernel refuses: only root with CHOWN gives a file to
// somebody else. A failure that the script ignores is not reported.
func (r *run) changesOwner(p *process, file string, words []string, fatal, ignored bool) {
	if _, paths := chownOperands(words); p.can("CHOWN") && !ignored {
		for _, target := range paths { // find may find nothing whose owner is another
			r.changesReadOnly(p, file, words[0], target, fatal && path.Base(words[0]) == "chown" && !slices.ContainsFunc(words, isFrom))
		}
	}
	if p.can("CHOWN") || ignored || path.Base(words[0]) == "chgrp" && !fatal {
		return
	}
	owner, paths := chownOperands(words)
	if p.uid != 0 && owner != "" {
		if a, found := r.accountNamed(strings.SplitN(owner, ":", 2)[0]); found && a.uid == p.uid {
			return // giving it to oneself is nothing
		}
	}
	proven := false
	if fatal && path.Base(words[0]) == "chown" && owner != "" {
		proven = slices.ContainsFunc(paths, func(target string) bool {
			at := r.from(r.cwd, target)
			a, found := r.accountNamed(strings.SplitN(owner, ":", 2)[0])
			return !at.missing && at.mounted == nil && found && at.file.UID != a.uid
		})
	}
	severity := Medium
	if fatal {
		severity = High
	}
	does := fmt.Sprintf("runs %s", strings.TrimSpace(strings.Join([]string{path.Base(words[0]), known(owner), strings.Join(paths, " ")}, " ")))
	t := trouble{cause: entrypointNeedsRoot, severity: severity, proven: proven, key: does}
	who := fmt.Sprintf("to user %d", p.uid)
	if p.uid == 0 {
		who = "to root without CHOWN"
	}
	t.what = fmt.Sprintf("%s %s, which the kernel refuses %s", nameOf(file), does, who)
	t.items = []Item{r.item(file, fmt.Sprintf("%s %s", nameOf(file), does), r.layerOf(file))}
	r.add(t)
}

// isFrom reports whether a word lets chown pass over files of other owners.
func isFrom(word string) bool { return strings.HasPrefix(word, "--from") }

// changesReadOnly notes a change of a file on a read-only file system.
func (r *run) changesReadOnly(p *process, file, command, target string, fatal bool) {
	at := r.from(r.cwd, target)
	if at.missing || at.mounted != nil {
		return
	}
	w := r.writing(p, at.path)
	w.denied = false
	r.cannotWrite(p, w, fmt.Sprintf("%s runs %s %s", nameOf(file), path.Base(command), target), grade(fatal), fatal)
}

// chownOperands returns the owner and the files of a chown.
func chownOperands(words []string) (owner string, files []string) {
	if i := slices.Index(words, "chown"); i > 0 && words[0] == "find" {
		if i+1 < len(words) {
			return words[i+1], words[1:min(2, len(words))]
		}
		return "", nil
	}
	for _, w := range words[1:] {
		switch {
		case strings.HasPrefix(w, "-"):
		case owner == "":
			owner = w
		case !strings.Contains(w, shell.Anything):
			files = append(files, w)
		}
	}
	return owner, files
}
