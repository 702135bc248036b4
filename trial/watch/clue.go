// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// A Symptom is what a line of a log, or a message of the kubelet, points at.
type Symptom string

// The symptoms.
const (
	ReadOnly     Symptom = "read-only file system" // EROFS
	Denied       Symptom = "permission denied"     // EACCES
	NotPermitted Symptom = "not permitted"         // EPERM
	NeedsRoot    Symptom = "needs root"            // it says so, or its image's user is refused
	NoUser       Symptom = "no such user"          // the user has no line in /etc/passwd
	BadCall      Symptom = "system call refused"   // seccomp
)

// A Clue is a line that is a symptom.
type Clue struct {
	Container string
	Symptom   Symptom
	Path      string // that the line names; empty if it names none
	Line      string
}

// patterns tell symptoms, in the words of the C library and of common runtimes. The first
// that matches decides.
var patterns = []struct {
	symptom Symptom
	words   *regexp.Regexp
}{
	{ReadOnly, regexp.MustCompile(`(?i)read[- ]?only file ?system|\bEROFS\b|errno[ =:]*30\b`)},
	{BadCall, regexp.MustCompile(`(?i)bad system call|\bSIGSYS\b|function not implemented`)},
	{NeedsRoot, regexp.MustCompile(`(?i)(must|needs?|has|have|required?|expected) (to )?(be )?(run|start|started|executed)?( ?as| with| by)? ?(the )?(root|superuser)\b|need(s)? to be root|are you root|requires? root|only root (can|may)|run this (command )?as root|must be superuser|image will run as root|cannot verify user is non-root|breaks non-root policy`)},
	{NoUser, regexp.MustCompile(`(?i)no such user|unknown (user|uid)|cannot find name for (user|group) id|no (user|passwd entry)|getpwuid|uid not found|user .* (does not|doesn't) exist|failed to look up .* user|local user with id .* does not exist|could not (find|determine|look up) .*(user|uid)`)},
	{NotPermitted, regexp.MustCompile(`(?i)operation not permitted|\bEPERM\b|errno[ =:]*1\b|not permitted|(setuid|setgid|setgroups|initgroups|seteuid|setegid|chown|capset|setpriv)\S* .*(fail|denied|error|cannot)|(failed|cannot|can't|unable|could not) (to )?(setuid|setgid|setgroups|initgroups|change (user|group|owner)|switch user|drop privileges|set (the )?(user|group))`)},
	{Denied, regexp.MustCompile(`(?i)permission denied|\bEACCES\b|errno[ =:]*13\b|AccessDeniedException|access (is )?denied|not writable|can(not|'t) write|is not writeable`)},
}

var absolutePath = regexp.MustCompile(`/[A-Za-z0-9._@%+~-]+(?:/[A-Za-z0-9._@%+~-]+)*/?`)

// Clues returns the lines of a container's log that are symptoms.
func Clues(container, log string) []Clue {
	var clues []Clue
	seen := map[string]bool{}
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		if c, found := clueIn(container, line); found && !seen[Normalise(line)] {
			seen[Normalise(line)] = true
			clues = append(clues, c)
		}
	}
	return clues
}

func clueIn(container, line string) (Clue, bool) {
	for _, p := range patterns {
		if at := p.words.FindStringIndex(line); at != nil {
			return Clue{Container: container, Symptom: p.symptom, Path: pathNear(line, at[0]), Line: line}, true
		}
	}
	return Clue{}, false
}

// pathNear returns the last absolute path before an offset in a line, else the first after
// it: "open() "/run/x.pid" failed (30: Read-only file system)".
func pathNear(line string, offset int) string {
	found := ""
	for _, at := range absolutePath.FindAllStringIndex(line, -1) {
		if at[0] > 0 && (isWord(line[at[0]-1]) || line[at[0]-1] == '/' || line[at[0]-1] == ':' && at[0] > 1 && isWord(line[at[0]-2]) && strings.HasPrefix(line[at[0]:], "//")) {
			continue // a part of a relative path, a date or an address
		}
		if at[0] > offset && found != "" {
			break
		}
		found = path.Clean(strings.TrimRight(line[at[0]:at[1]], ".:"))
	}
	return found
}

func isWord(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_' || b == '.' || b == '-'
}

// system are directories with what an image needs to run: an emptyDir would hide it.
var system = []string{"/", ".", "/bin", "/etc", "/home", "/lib", "/lib64", "/opt", "/root", "/sbin", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/local/bin", "/usr/sbin", "/usr/share", "/var", "/var/lib"}

// Directory returns the directory that a path of a clue was to be made in; "" if there is
// none over which a volume could be mounted without hiding what the image needs.
func Directory(p string) string {
	dir := path.Dir(p)
	if p == "" || slices.Contains(system, dir) {
		return ""
	}
	for _, reserved := range []string{"/dev", "/proc", "/sys"} {
		if dir == reserved || strings.HasPrefix(dir, reserved+"/") {
			return ""
		}
	}
	return dir
}

var varying = regexp.MustCompile(`[0-9]+|0x[0-9a-f]+`)

// Normalise returns a line without what differs from run to run: numbers and spaces.
func Normalise(line string) string {
	return strings.Join(strings.Fields(varying.ReplaceAllString(line, "#")), " ")
}

// NewClues returns the clues whose lines the baseline does not have.
func NewClues(clues []Clue, baseline map[string]bool) []Clue {
	return slices.DeleteFunc(slices.Clone(clues), func(c Clue) bool { return baseline[Normalise(c.Line)] })
}
