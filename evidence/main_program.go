// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/internal/shell"
)

// mainProgram notes what is in the way of a program that runs on: directories that it
// names and cannot write to.
func (r *run) mainProgram(p process, argv []string, at location) {
	r.mains = append(r.mains, p)
	r.programs++
	if !r.work.spend(len(r.serviceDirectories())) {
		return
	}
	r.account(&p, argv)
	for _, n := range r.needsOf(argv, at) {
		r.writesTo(&p, n.dir, n.source, n.severity)
	}
	r.worksAsRootAlone(&p, argv)
	r.changesUserItself(&p, argv)
	for _, d := range r.serviceDirectories() {
		if slices.Contains(r.mainUsers, d.file.UID) && !r.holdsMount(d.path) {
			r.writesTo(&p, d.path, fmt.Sprintf("the image gives %s to user %d, as whom it runs", d.path, d.file.UID), Medium)
		}
	}
}

// A need is a directory that a program writes to, as far as the image tells.
type need struct {
	dir      string
	source   string // what tells it
	severity Severity
}

// needsOf returns the directories that a main program names: in its arguments, in the
// environment or in its configuration.
func (r *run) needsOf(argv []string, at location) []need {
	key := at.path + "\x00" + strings.Join(argv, "\x00")
	if needs, known := r.needs[key]; known || !r.work.spend(len(key)/16) {
		return needs
	}
	var needs []need
	add := func(p, source string) {
		if !r.work.spend(1 + len(needs)) {
			return
		}
		dir, is := r.stateDirectory(p)
		if is && !slices.ContainsFunc(needs, func(n need) bool { return n.dir == dir }) {
			needs = append(needs, need{dir, source, Medium})
		}
	}
	named := func(p, source string) { // by the author or the image, and not by the program's text
		add(p, source)
		dirs := r.stateBelow(p)
		if dir, is := r.namedDirectory(p); is {
			dirs = append(dirs, dir)
		}
		for _, dir := range dirs {
			if !slices.ContainsFunc(needs, func(n need) bool { return n.dir == dir }) && r.work.spend(1+len(needs)) {
				needs = append(needs, need{dir, source, Medium})
			}
		}
	}
	var configurations []string
	for _, word := range argv[1:] {
		for _, p := range absolutePaths([]byte(word)) {
			named(p, fmt.Sprintf("the command names %s", p))
			configurations = append(configurations, p)
		}
	}
	for _, name := range sortedKeys(r.env) {
		if name == "PATH" || name == "HOME" || strings.HasSuffix(name, "_VERSION") {
			continue
		}
		r.work.spend(len(r.env[name]) / 16)
		for _, p := range absolutePaths([]byte(r.env[name])) {
			if xdgHomes[name] {
				p = r.ownBelow(p, argv)
			}
			named(p, fmt.Sprintf("the variable %s names %s", name, p))
		}
	}
	for _, file := range r.configurations(argv, configurations) {
		content, _ := r.files.Content(file)
		r.work.spend(len(content) / 16)
		for _, p := range configuredPaths(content) {
			add(p, fmt.Sprintf("%s names %s", file, p))
		}
	}
	if temporaryFiles[strings.TrimRight(path.Base(argv[0]), "0123456789.")] {
		add("/tmp/x", fmt.Sprintf("%s makes temporary files", path.Base(argv[0])))
	}
	hint := func(p, source string, severity Severity) {
		l := r.resolve(p)
		if !l.missing && l.mounted == nil && l.file.Mode.IsDir() && !within(l.path, "/etc") && !tooWide[l.path] && !r.holdsMount(l.path) &&
			!slices.ContainsFunc(needs, func(n need) bool { return n.dir == l.path }) {
			needs = append(needs, need{l.path, source, severity})
		}
	}
	for _, volume := range r.config.Volumes {
		severity := Low
		if isForState(volume) {
			severity = Medium
		}
		hint(volume, fmt.Sprintf("the image has the volume %s", volume), severity)
	}
	for _, stem := range stems(argv[:1]) {
		for _, root := range stateRoots[:6] {
			hint(path.Join(root, stem), fmt.Sprintf("%s/%s is named after the program", root, stem), Low) // it may not write there at start
		}
	}
	r.needs[key] = needs
	return needs
}

// temporaryFiles are programs that do not start without a place for temporary files.
var temporaryFiles = map[string]bool{"mysqld": true, "mariadbd": true, "mysqld_safe": true, "mariadbd-safe": true, "gunicorn": true, "php-fpm": true}

// stateDirectory returns the directory that has to be writable for what a path names:
// itself if the image has it, else the one in which it would be made. False is for paths
// that hold no state.
func (r *run) stateDirectory(p string) (string, bool) {
	p = path.Clean(p)
	if !slices.ContainsFunc(stateRoots, func(root string) bool { return within(p, root) && p != root }) ||
		slices.ContainsFunc(ofOthers, func(o string) bool { return within(p, o) }) {
		return "", false
	}
	l := r.resolve(p)
	switch {
	case l.mounted != nil:
		return "", false
	case !l.missing && l.file.Mode.IsDir():
	case !l.missing && !slices.ContainsFunc(stateRoots[:6], func(root string) bool { return within(l.path, root) }):
		return "", false // a file that it reads
	default:
		if l = r.resolve(path.Dir(l.path)); l.missing || l.mounted != nil || !l.file.Mode.IsDir() {
			return "", false
		}
	}
	return l.path, !tooWide[l.path]
}

// tooWide are directories that hold those of many servers.
var tooWide = map[string]bool{"/": true, "/var": true, "/var/lib": true, "/var/cache": true, "/var/spool": true, "/etc": true, "/var/log": true, "/srv": true,
	"/home": true, "/media": true, "/mnt": true, "/opt": true}

// holdsMount reports whether the pod mounts something below a directory: then its state is
// there.
func (r *run) holdsMount(dir string) bool {
	return slices.ContainsFunc(r.mounts, func(m placed) bool { return within(m.at, dir) }) ||
		slices.ContainsFunc(r.volumes(), func(v string) bool { return v != dir && within(v, dir) })
}

// stateRoots are the directories below which servers keep state.
var stateRoots = []string{"/run", "/var/run", "/var/log", "/var/lib", "/var/cache", "/var/spool", // those of packages
	"/tmp", "/var/lock", "/srv", "/data"}

// ofOthers are paths that programs name and that belong to other services, or are the
// business of libraries.
var ofOthers = []string{
	"/var/run/nscd", "/run/nscd", "/var/run/utmp", "/run/utmp", "/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog", "/run/systemd",
	"/var/run/dbus", "/run/dbus", "/run/udev", "/run/user", "/run/secrets", "/var/run/secrets", "/run/log", "/var/lib/dbus", "/var/lib/dpkg", "/var/lib/apt",
	"/var/lib/rpm", "/var/cache/apt", "/var/cache/man", "/var/cache/ldconfig", "/var/lib/misc", "/var/lib/pcp", "/run/lock/lvm", "/run/initctl",
	"/var/lib/systemd", "/var/lib/pam", "/var/cache/debconf", "/var/cache/fontconfig", "/var/cache/nscd", "/run/resolvconf", "/run/shm",
}

// absolutePaths returns the absolute paths in a text, such as a word of a command.
func absolutePaths(text []byte) []string {
	var paths []string
	for i := 0; i < len(text); i++ {
		if text[i] != '/' || i > 0 && (isPathByte(text[i-1]) || text[i-1] == '/' || text[i-1] == '}') {
			continue
		}
		if i > 1 && text[i-1] == ':' && i+1 < len(text) && text[i+1] == '/' { // the scheme of an address
			for i < len(text) && text[i] != ' ' {
				i++
			}
			continue
		}
		end := i + 1
		for end < len(text) && (isPathByte(text[end]) || text[end] == '/') {
			end++
		}
		if p := strings.TrimRight(string(text[i:end]), "/."); len(p) > 1 && len(p) < 256 {
			paths = append(paths, p)
		}
		i = end
	}
	return paths
}

func isPathByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_' || b == '-' || b == '.' || b == '+' || b == '@'
}

// configuredPaths returns the absolute paths in a configuration, but for comments.
func configuredPaths(content []byte) []string {
	if len(content) > 256<<10 {
		return nil
	}
	var paths []string
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.ContainsAny(line[:1], "#;") || strings.HasPrefix(line, "//") {
			continue
		}
		if i := strings.Index(line, " #"); i > 0 {
			line = line[:i]
		}
		paths = append(paths, absolutePaths([]byte(line))...)
	}
	return paths
}

// configurations returns the files of configuration that a program reads, as far as their
// names tell: those that the command names, and what is below /etc under the name of the
// program or of its package.
func (r *run) configurations(argv, named []string) []string {
	var files []string
	left := 200
	var below func(p string, depth int)
	below = func(p string, depth int) {
		if left--; left < 0 || depth > 4 {
			return
		}
		l := r.resolve(p)
		if l.missing || l.mounted != nil {
			return
		}
		if !l.file.Mode.IsDir() {
			if !slices.Contains(files, l.path) && l.file.Mode.IsRegular() {
				files = append(files, l.path)
			}
			return
		}
		for _, name := range r.children(l.path) {
			if !strings.HasSuffix(name, "-available") && name != "init.d" {
				below(path.Join(l.path, name), depth+1)
			}
		}
	}
	isNamed := false
	for _, p := range named {
		if within(p, "/etc") || slices.Contains(configurationSuffixes, path.Ext(p)) {
			isNamed = true
			below(p, 0)
		}
	}
	if isNamed {
		return files // and not what is there by default
	}
	for _, stem := range stems(argv) {
		for _, name := range r.children("/etc") {
			if name == stem || strings.TrimRight(name, "0123456789.") == stem || name == stem+".conf" || name == stem+".cfg" {
				below("/etc/"+name, 0)
			}
		}
	}
	return files
}

var configurationSuffixes = []string{".conf", ".cfg", ".cnf", ".ini", ".yml", ".yaml", ".toml", ".json", ".vcl"}

// stems returns what the configuration of a program may be called.
func stems(argv []string) []string {
	name := strings.TrimRight(path.Base(argv[0]), "0123456789.")
	all := []string{name}
	for _, suffix := range []string{"-server", "_server", "-daemon", "d", "-foreground", "_safe", "-safe", "ctl"} {
		if short, is := strings.CutSuffix(name, suffix); is && len(short) > 2 {
			all = append(all, short)
		}
	}
	for program, packages := range map[string]string{
		"mariadbd": "mysql", "mysqld_safe": "mysql", "mariadbd-safe": "mysql", "mariadb": "mysql", "named": "bind", "slapd": "ldap", "catalina.sh": "tomcat", "postgres": "postgresql",
		"varnishd": "varnish", "chronyd": "chrony", "httpd": "apache", "apachectl": "apache", "beam.smp": "rabbitmq", "java": "default",
	} {
		if name == program {
			all = append(all, packages)
		}
	}
	for _, word := range argv[1:] { // python3 -m NAME, java -jar NAME, sh NAME
		if base := path.Base(word); word != shell.Anything && !strings.HasPrefix(word, "-") && len(base) > 3 {
			stem, _, _ := strings.Cut(base, ".")
			all = append(all, stem)
		}
	}
	return all
}
