// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// judgeKnown returns what may break in a container of a well-known image. It has the rules
// that judge the files of an image, and never proves anything: the image may be another one
// of the same name.
func judgeKnown(c *Container, f *Facts) []Finding {
	k := f.Known
	if !k.Tells(c) {
		return nil
	}
	j := knownJudge{c: c, k: k, given: profiledOf(c), runtime: f.Runtime}
	j.startsAs = c.Before.User
	if j.startsAs == nil {
		j.startsAs = k.imageUID()
	}
	j.userRefused()
	if j.needsRoot() {
		j.given.user = false // it stays root, which owns or opens all directories
	} else {
		j.fileCapability()
	}
	j.directories()
	return j.found
}

// Tells reports whether the facts tell anything of a container: not if there are none, if
// the image is made to run programs of others, or if the container has a command of its own.
func (k *Known) Tells(c *Container) bool { return k != nil && !k.Base && len(c.Command) == 0 }

// A knownJudge judges one container.
type knownJudge struct {
	c        *Container
	k        *Known
	given    profiled
	runtime  string
	startsAs *int64 // as the manifest is; nil: a user of the image with a name
	found    []Finding
}

// imageUID returns the UID of the image's user; nil if only its name is known.
func (k *Known) imageUID() *int64 {
	name, _, _ := strings.Cut(k.User, ":")
	if name == "" || name == "root" {
		return new(int64)
	}
	if uid, err := strconv.ParseInt(name, 10, 64); err == nil {
		return &uid
	}
	return k.UID
}

func (j *knownJudge) add(cause *Cause, severity Severity, settings []string, e *Exception, what, text string) {
	f := Finding{
		ID: cause.ID, Container: j.c.Name, Settings: settings, Verdict: Risk, Severity: severity, What: what, Fix: cause.Fix, Exception: e,
		Evidence: []Item{{Source: FromKnown, Text: text, Where: j.k.source()}},
	}
	if e != nil {
		f.Fix = e.fix()
	}
	j.found = append(j.found, f)
}

func (k *Known) source() string {
	if len(k.Source) == 0 {
		return ""
	}
	return k.Source[0]
}

// userRefused notes an image whose user the kubelet refuses under runAsNonRoot.
func (j *knownJudge) userRefused() {
	cfg := Config{User: j.k.User}
	var named *int64
	if name, _, _ := strings.Cut(j.k.User, ":"); name != "" && name != "root" {
		if _, err := strconv.ParseInt(name, 10, 64); err != nil {
			named = j.k.UID
		}
	}
	why, _ := refused(&cfg, j.c.After, named)
	if already, _ := refused(&cfg, j.c.Before, named); why == "" || !j.given.nonRoot || already != "" {
		return
	}
	e := &Exception{Leave: []string{runAsNonRoot}}
	if named != nil && *named != 0 {
		e = userException(*named)
	}
	j.add(imageUserRefused, High, []string{runAsNonRoot}, e, "the kubelet does not start it under runAsNonRoot: true: "+why, userText(j.k.User))
}

func userException(uid int64) *Exception {
	return &Exception{Container: map[string]json.RawMessage{runAsUser: json.RawMessage(strconv.FormatInt(uid, 10))}}
}

// needsRoot notes an image that does not start but as root, with its capabilities.
func (j *knownJudge) needsRoot() bool {
	s := j.c.After
	root := s.User != nil && *s.User == 0 || s.User == nil && (s.NonRoot == nil || !*s.NonRoot)
	var lost []string
	for _, capability := range j.k.Capabilities {
		if !holds(bounding(&s), capability) || !root {
			lost = append(lost, capability)
		}
	}
	wasRoot := j.startsAs != nil && *j.startsAs == 0
	switch {
	case !wasRoot || j.k.AnyUser && !root:
		return false
	case !root && (!j.k.StartsAsRoot || j.k.Guarded) && (len(lost) == 0 || j.k.StartsAsRoot):
		return false
	case root && (len(lost) == 0 || !j.given.drop):
		return false
	}
	var settings []string
	if j.given.drop && len(lost) > 0 {
		settings = append(settings, capabilitiesDrop)
	}
	if !root && j.given.nonRoot {
		settings = append(settings, runAsNonRoot)
	}
	if !root && j.given.user {
		settings = append(settings, runAsUser)
	}
	if len(settings) == 0 {
		return false
	}
	what := "its entrypoint has to run as root"
	if len(lost) > 0 {
		what += " with " + strings.Join(lost, ", ")
	}
	j.add(entrypointNeedsRoot, High, settings, &Exception{Leave: settings}, what, fmt.Sprintf("%s starts as root, and needs %s", j.k.Image, orNothing(j.k.Capabilities)))
	return true
}

func orNothing(capabilities []string) string {
	if len(capabilities) == 0 {
		return "no capabilities that are known"
	}
	return strings.Join(capabilities, ", ")
}

// fileCapability notes a main program that the kernel would not execute.
func (j *knownJudge) fileCapability() {
	var lacking []string
	for _, capability := range j.k.FileCapabilities {
		if s := j.c.After; !s.Privileged && !holds(bounding(&s), capability) && holds(bounding(&j.c.Before), capability) {
			lacking = append(lacking, capability)
		}
	}
	if len(lacking) == 0 || !j.given.drop {
		return
	}
	names := strings.Join(lacking, ", ")
	j.add(fileCapability, High, []string{capabilitiesDrop}, &Exception{Leave: []string{capabilitiesDrop}},
		"the kernel refuses to execute its program: it has the file capability "+names+", which the container would not have",
		fmt.Sprintf("the program of %s has the file capability %s with the effective bit", j.k.Image, names))
}

// directories notes directories that the image writes to and could not. Without its data a
// server does not work: then the risk is high.
func (j *knownJudge) directories() {
	s := j.c.After
	readOnly := j.given.readOnly
	otherUser := j.given.user && j.k.UID != nil && *s.User != *j.k.UID && !j.k.AnyUser && *s.User != 0
	var writable, rewritten, owned []string
	ownedSeverity, readOnlySeverity := Medium, Medium
	for _, dir := range j.k.Writes {
		if readOnly && !j.covered(dir) && !j.onVolume(dir) {
			writable = append(writable, dir)
		} else if otherUser && !j.covered(dir) && dir != "/tmp" {
			owned = append(owned, dir)
		}
	}
	for _, dir := range j.k.Rewrites {
		if readOnly && !j.covered(dir) && !j.onVolume(dir) {
			rewritten = append(rewritten, dir)
		}
		if otherUser && !j.covered(dir) {
			owned = append(owned, dir)
		}
	}
	for _, dir := range j.k.Data {
		switch {
		case j.covered(dir):
		case readOnly && !j.onVolume(dir) && !slices.Contains(rewritten, dir):
			writable, readOnlySeverity = append(writable, dir), High
		case otherUser:
			owned, ownedSeverity = append(owned, dir), High
		}
	}
	if len(owned) > 0 {
		e, settings := userException(*j.k.UID), []string{runAsUser}
		uid := j.k.imageUID()
		switch {
		case *j.k.UID == 0 && j.given.nonRoot: // no profile may have runAsUser: 0
			settings = []string{runAsNonRoot, runAsUser}
			e = &Exception{Leave: settings}
		case *j.k.UID == 0, uid != nil && j.k.User == strconv.FormatInt(*uid, 10):
			e = &Exception{Leave: settings}
		}
		j.add(directoryOfOthers, ownedSeverity, settings, e,
			fmt.Sprintf("user %d may not be able to write to %s", *s.User, strings.Join(owned, ", ")),
			fmt.Sprintf("the main program of %s runs as user %d and writes to %s", j.k.Image, *j.k.UID, strings.Join(owned, ", ")))
	}
	if len(writable)+len(rewritten) == 0 {
		return
	}
	e := &Exception{WritablePaths: writable}
	if len(rewritten) > 0 {
		e = &Exception{Leave: []string{readOnlyRoot}}
	}
	all := strings.Join(slices.Concat(writable, rewritten), ", ")
	j.add(directoryReadOnly, readOnlySeverity, []string{readOnlyRoot}, e,
		fmt.Sprintf("it writes to %s, which would be read-only", all), fmt.Sprintf("%s writes to %s", j.k.Image, all))
}

// covered reports whether a writable volume lies at a directory or above it.
func (j *knownJudge) covered(dir string) bool {
	return slices.ContainsFunc(j.c.Mounts, func(m Mount) bool {
		return m.Writable && (within(dir, m.Path) || within(underRun(dir), underRun(m.Path)))
	})
}

// underRun follows the link from /var/run to /run that nearly all images have.
func underRun(dir string) string {
	if rest, is := strings.CutPrefix(dir, "/var/run"); is && (rest == "" || rest[0] == '/') {
		return "/run" + rest
	}
	return dir
}

// onVolume reports whether the image has a volume there, which containerd mounts writable.
func (j *knownJudge) onVolume(dir string) bool {
	return !strings.HasPrefix(j.runtime, "cri-o:") && slices.ContainsFunc(j.k.Volumes, func(v string) bool { return within(dir, v) })
}
