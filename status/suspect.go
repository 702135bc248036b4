// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/trial/watch"
)

// The names of settings.
const (
	escalation   = "allowPrivilegeEscalation"
	capabilities = "capabilities.drop"
	readOnlyRoot = "readOnlyRootFilesystem"
	nonRoot      = "runAsNonRoot"
	runAsUser    = "runAsUser"
	runAsGroup   = "runAsGroup"
	seccomp      = "seccompProfile"
)

// A suspicion is what a text or a code speaks against.
type suspicion struct {
	id       string
	settings []string // that may be the cause, from the likeliest
	verdict  evidence.Verdict
	severity evidence.Severity
	what     string
	item     evidence.Item
}

var (
	refusedRoot = regexp.MustCompile(`(?i)runAsNonRoot|non-root`)
	execRefused = regexp.MustCompile(`(?i)exec[^\n]*?"?(/[^\s":]+)"?:? operation not permitted`)
	execDenied  = regexp.MustCompile(`(?i)exec[^\n]*?"?(/[^\s":]+)"?:? permission denied`)
	bySeccomp   = regexp.MustCompile(`(?i)\bunshare\b|clone_new|new namespace|user namespace|io_uring|userfaultfd|perf_event_open|\b(keyctl|add_key|request_key)\b`)
	noNewPrivs  = regexp.MustCompile(`(?i)no new privileges|effective uid is not 0`)
)

// suspicions returns what speaks against which settings. The first case that holds decides,
// for each of: what the kubelet and the runtime say, what the container left as its last
// message and in its log, and how it ended.
//
//	the kubelet refuses to start it as root            runAsNonRoot             breaks
//	exec …: operation not permitted                    capabilities.drop        breaks
//	exec …: permission denied                          runAsUser                breaks
//	"no new privileges"                                allowPrivilegeEscalation high
//	read-only file system                              readOnlyRootFilesystem   high
//	bad system call, or exit code 159                  seccompProfile           high
//	it says that it needs root, or that the user is    runAsUser                high
//	  unknown
//	operation not permitted, of a call that the        seccompProfile           high
//	  runtime's profile of seccomp refuses
//	operation not permitted, and exit code 126         capabilities.drop        high
//	operation not permitted                            capabilities.drop,       high
//	                                                   runAsUser
//	permission denied, and exit code 126               runAsUser                high
//	permission denied                                  runAsUser                high; medium without a path
//	exit code 126                                      runAsUser,               low
//	                                                   capabilities.drop
//	exit code 127                                      runAsUser                low
func (t *Trouble) suspicions() []suspicion {
	var all []suspicion
	add := func(s suspicion) {
		// A setting that the webhook did not fill in is not suspected.
		s.settings = slices.DeleteFunc(s.settings, func(f string) bool { return !slices.Contains(t.Recorded, f) })
		known := slices.ContainsFunc(all, func(o suspicion) bool { return o.id == s.id })
		if len(s.settings) > 0 && !known {
			all = append(all, s)
		}
	}
	if t.Waiting == "CreateContainerConfigError" && refusedRoot.MatchString(t.Message) {
		add(suspicion{"non-root-refused", []string{nonRoot}, evidence.Breaks, evidence.High,
			"the kubelet does not start it: its image runs as root, or as a user that is no number", t.item(t.Message, "state.waiting.message")})
	}
	for _, m := range []struct{ text, where string }{
		{t.message(), "state.waiting.message"},
		{t.EndMessage, "lastState.terminated.message"},
		{t.Log, "log"},
	} {
		t.read(m.text, m.where, add)
	}
	if t.ExitCode == nil || len(all) > 0 {
		return all
	}
	ended := t.item(fmt.Sprintf("it ended with exit code %d", *t.ExitCode), "lastState.terminated.exitCode")
	switch *t.ExitCode {
	case 159:
		add(suspicion{"system-call-refused", []string{seccomp}, evidence.Risk, evidence.High, "the kernel killed it for a system call that seccomp does not allow (signal 31)", ended})
	case 126:
		add(suspicion{"program-not-executable", []string{runAsUser, capabilities}, evidence.Risk, evidence.Low, "it found a program, and could not execute it", ended})
	case 127:
		add(suspicion{"program-not-found", []string{runAsUser}, evidence.Risk, evidence.Low, "it did not find a program: perhaps its user may not look into the directory", ended})
	}
	return all
}

// message returns what the kubelet says of a container that waits, unless that is only how
// long it waits.
func (t *Trouble) message() string {
	if t.Waiting == "CrashLoopBackOff" || t.Waiting == "CreateContainerConfigError" {
		return ""
	}
	return t.Message
}

// read looks for what a text speaks against.
func (t *Trouble) read(words, where string, add func(suspicion)) {
	if words == "" {
		return
	}
	runtime := where != "log"
	if m := execRefused.FindStringSubmatch(words); m != nil {
		what := m[1] + " cannot be executed: a file capability of it is not in the bounding set"
		verdict, severity := evidence.Risk, evidence.High
		if runtime && t.startRefused() {
			verdict = evidence.Breaks
		}
		add(suspicion{"program-not-permitted", []string{capabilities}, verdict, severity, what, t.at(lineWith(words, m[0]), where, m[1])})
		return
	}
	if m := execDenied.FindStringSubmatch(words); m != nil {
		verdict := evidence.Risk
		if runtime && t.startRefused() {
			verdict = evidence.Breaks
		}
		add(suspicion{"program-not-executable", []string{runAsUser}, verdict, evidence.High, "its user may not execute " + m[1], t.at(lineWith(words, m[0]), where, m[1])})
		return
	}
	if m := noNewPrivs.FindString(words); m != "" {
		add(suspicion{"no-new-privileges", []string{escalation}, evidence.Risk, evidence.High, "a program with the setuid bit did not become another user", t.at(lineWith(words, m), where, "")})
	}
	for _, c := range watch.Clues(t.Container, words) {
		item := t.at(c.Line, where, c.Path)
		switch c.Symptom {
		case watch.ReadOnly:
			add(suspicion{"read-only-root", []string{readOnlyRoot}, evidence.Risk, evidence.High, "it writes to " + orSomewhere(c.Path) + ", and its root file system is read-only", item})
		case watch.BadCall:
			add(suspicion{"system-call-refused", []string{seccomp}, evidence.Risk, evidence.High, "seccomp refuses a system call", item})
		case watch.NeedsRoot:
			add(suspicion{"needs-root", []string{runAsUser, nonRoot}, evidence.Risk, evidence.High, "it says that it needs root", item})
		case watch.NoUser:
			add(suspicion{"no-such-user", []string{runAsUser}, evidence.Risk, evidence.High, "its user has no line in /etc/passwd of the image", item})
		case watch.NotPermitted:
			switch {
			case bySeccomp.MatchString(c.Line):
				add(suspicion{"system-call-refused", []string{seccomp}, evidence.Risk, evidence.High, "seccomp refuses a system call", item})
				continue
			case t.cannotExecute():
				add(suspicion{"program-not-permitted", []string{capabilities}, evidence.Risk, evidence.High, "a program cannot be executed: a file capability of it is not in the bounding set", item})
				continue
			}
			add(suspicion{"not-permitted", []string{capabilities, runAsUser}, evidence.Risk, evidence.High, "the kernel refuses something that takes a capability or root", item})
		case watch.Denied:
			if t.cannotExecute() {
				add(suspicion{"program-not-executable", []string{runAsUser}, evidence.Risk, evidence.High, "its user may not execute " + orSomewhere(c.Path), item})
				continue
			}
			severity := evidence.High
			if c.Path == "" {
				severity = evidence.Medium
			}
			add(suspicion{"permission-denied", []string{runAsUser, runAsGroup}, evidence.Risk, severity, "its user may not use " + orSomewhere(c.Path), item})
		}
	}
}

// cannotExecute reports whether a shell found a program that it could not execute.
func (t *Trouble) cannotExecute() bool { return t.ExitCode != nil && *t.ExitCode == 126 }

// startRefused reports whether the runtime could not start the container at all.
func (t *Trouble) startRefused() bool {
	switch t.Waiting {
	case "RunContainerError", "CreateContainerError", "StartError":
		return true
	}
	return t.EndReason == "StartError" || t.EndReason == "ContainerCannotRun"
}

func orSomewhere(path string) string {
	if path == "" {
		return "a file"
	}
	return path
}

// lineWith returns the line of a text that holds a part of it.
func lineWith(words, part string) string {
	for line := range strings.Lines(words) {
		if strings.Contains(line, part) {
			return strings.TrimSpace(line)
		}
	}
	return part
}

func (t *Trouble) item(line, where string) evidence.Item { return t.at(line, where, "") }

// at returns the evidence that a line is. A log is what the container says of its run.
func (t *Trouble) at(line, where, path string) evidence.Item {
	return evidence.Item{Source: evidence.FromStatus, Text: text.Shorten(strings.Join(strings.Fields(line), " "), 300), Path: path, Where: "Pod " + t.Pod + ", container " + t.Container + ", " + where}
}

// Why says in one line why the container does not run.
func (t *Trouble) Why() string {
	var parts []string
	if !slices.Contains(starting, t.Waiting) {
		parts = append(parts, t.Waiting)
	}
	if t.ExitCode != nil {
		parts = append(parts, fmt.Sprintf("exit code %d", *t.ExitCode))
	}
	if t.Restarts > 0 {
		parts = append(parts, text.Count(int(t.Restarts), "restart"))
	}
	return strings.Join(parts, ", ")
}
