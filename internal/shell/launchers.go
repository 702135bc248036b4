// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"slices"
	"strings"
)

// A launcher is a program that runs another program, which its arguments name.
type launcher struct {
	names []string

	values   []string // options that take a value, without their dashes; one letter is a short option
	scripts  []string // options whose value is a script of a shell
	lookups  []string // options with which it runs nothing
	commands []string // words after which a command follows, up to ; or +

	operands    int  // words before the command: the duration of timeout
	assignments bool // NAME=value may stand before the command
	permuted    bool // options may follow the operands
	evaluates   bool // the operands are a script
}

// launchers are the programs that run another one, as images and scripts use them.
var launchers = []launcher{
	// Init processes of containers.
	{names: words("tini tini-static docker-init"), values: words("e p")},
	{names: words("dumb-init"), values: words("r rewrite")},
	{names: words("catatonit")},

	// Programs with many others in them.
	{names: words("busybox toybox")},

	// What a shell has built in.
	{names: words("builtin nohup setsid unbuffer dbus-run-session linux32 linux64")},
	{names: words("command"), lookups: words("v V")},
	{names: words("exec"), values: words("a")},
	{names: words("time"), values: words("f format o output")},
	{names: words("eval trap"), evaluates: true},

	// Environment, priority and limits.
	{names: words("env"), values: words("u unset C chdir"), scripts: words("S split-string"), assignments: true},
	{names: words("timeout"), values: words("k kill-after s signal"), operands: 1},
	{names: words("nice"), values: words("n adjustment")},
	{names: words("ionice"), values: words("c class n classdata")},
	{names: words("chrt"), values: words("T sched-runtime P sched-period D sched-deadline"), operands: 1},
	{names: words("taskset setarch faketime"), operands: 1},
	{names: words("stdbuf"), values: words("i input o output e error")},
	{names: words("flock"), values: words("w wait timeout E conflict-exit-code"), scripts: words("c command"), operands: 1, permuted: true},
	{names: words("strace"), values: words("a b e E I o O p P s S u X")},
	{names: words("watch"), values: words("n interval"), evaluates: true},

	// Another user, root directory or namespace.
	{names: words("su"), values: words("s shell g group G supp-group w whitelist-environment"), scripts: words("c command session-command"),
		operands: 1, permuted: true},
	{names: words("runuser"), values: words("u user s shell g group G supp-group w whitelist-environment"), scripts: words("c command session-command")},
	{names: words("sudo"), values: words("u user g group h host p prompt C close-from D chdir R chroot r role t type T command-timeout U other-user"),
		lookups: words("l list v validate"), assignments: true},
	{names: words("doas"), values: words("u C a")},
	{names: words("gosu su-exec s6-setuidgid"), operands: 1},
	{names: words("setpriv"), values: words("ruid euid reuid rgid egid regid groups inh-caps ambient-caps bounding-set securebits " +
		"pdeathsig selinux-label apparmor-profile")},
	{names: words("chroot"), values: words("userspec groups"), operands: 1},
	{names: words("nsenter"), values: words("t target S setuid G setgid")},
	{names: words("unshare"), values: words("S setuid G setgid R root w wd")},

	// For each file.
	{names: words("xargs"), values: words("a arg-file d delimiter E I L n max-args P max-procs s max-chars process-slot-var")},
	{names: words("find"), commands: words("-exec -execdir -ok -okdir")},
}

func words(text string) []string { return strings.Fields(text) }

func launcherNamed(name string) (launcher, bool) {
	i := slices.IndexFunc(launchers, func(l launcher) bool { return slices.Contains(l.names, name) })
	if i < 0 {
		return launcher{}, false
	}
	return launchers[i], true
}

// arguments are the arguments of a launcher, taken apart.
type arguments struct {
	options  []string // all of them, without their dashes
	scripts  []string // values of options that take a script
	values   map[string]string
	operands []string
}

// read takes arguments apart as getopt does. A shell has options that begin with + too.
func (l launcher) read(args []string) arguments {
	var a arguments
	for len(args) > 0 {
		word := args[0]
		if word == "--" {
			a.operands = append(a.operands, args[1:]...)
			break
		}
		args = args[1:]
		if !isOption(word) {
			a.operands = append(a.operands, word)
			if l.permuted {
				continue
			}
			a.operands = append(a.operands, args...)
			break
		}
		name, value, attached := l.option(&a, word)
		isScript := slices.Contains(l.scripts, name)
		if !isScript && !slices.Contains(l.values, name) {
			continue
		}
		if !attached && len(args) > 0 {
			value, args = args[0], args[1:]
		}
		if isScript {
			a.scripts = append(a.scripts, value)
		}
		if a.values == nil {
			a.values = map[string]string{}
		}
		a.values[name] = value
	}
	return a
}

// option notes the options that a word holds, and returns the last with the value that
// is attached to it.
func (l launcher) option(a *arguments, word string) (name, value string, attached bool) {
	if long, isLong := strings.CutPrefix(word, "--"); isLong {
		name, value, attached = strings.Cut(long, "=")
		a.options = append(a.options, name)
		return name, value, attached
	}
	for i := 1; i < len(word); i++ {
		name = word[i : i+1]
		a.options = append(a.options, name)
		if slices.Contains(l.values, name) || slices.Contains(l.scripts, name) {
			return name, word[i+1:], i+1 < len(word)
		}
	}
	return name, "", false // a dash alone, which env and su take for an option
}

func isOption(word string) bool {
	return word == "-" || strings.HasPrefix(word, "-") || len(word) > 1 && word[0] == '+'
}

// has reports whether one of the options is there.
func (a arguments) has(names []string) bool {
	return slices.ContainsFunc(a.options, func(option string) bool { return slices.Contains(names, option) })
}
