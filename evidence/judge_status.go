// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"fmt"
	"strings"
)

var userNow = &Cause{
	ID:       "user-now",
	Title:    "User of the running container",
	Settings: []string{runAsUser},
	When:     "`runAsUser` is injected, and the live status tells the user with which the container started (Kubernetes 1.31 and later)",
	Because: "a container that started as root may need root, and what it writes may belong to the user as whom it started. " +
		"One that started as the user of the profile already works under it",
	Fix: "set runAsUser to the user as whom the container runs now",
}

var notRunningNow = &Cause{
	ID:       "not-running-now",
	Title:    "Container that does not run now",
	Settings: nil,
	When:     "the live status says that the container waits after failures, or restarts again and again",
	Because:  "a container that does not work as it is tells nothing of what it does under a profile",
	Fix:      "make the container work first; then compare",
}

// judgeStatus returns what the live status tells: it speaks of the container as its
// manifest is. Where the image or public facts tell what becomes of another user, they are
// believed.
func judgeStatus(c *Container, f *Facts) []Finding {
	s := f.Status
	if s == nil {
		return nil
	}
	var found []Finding
	if why := s.trouble(); why != "" {
		found = append(found, Finding{
			ID: notRunningNow.ID, Container: c.Name, Settings: []string{}, Verdict: Unknown, Severity: Low,
			What: "it does not run well now: " + why, Fix: notRunningNow.Fix,
			Evidence: []Item{{Source: FromStatus, Text: why, Where: "status.containerStatuses"}},
		})
	}
	if s.User == nil || !profiledOf(c).user {
		return found
	}
	uid, profile := s.User.UID, *c.After.User
	finding := Finding{
		ID: userNow.ID, Container: c.Name, Settings: []string{runAsUser}, Verdict: Risk, Severity: Medium,
		Evidence: []Item{{Source: FromStatus, Text: fmt.Sprintf("it started as user %d, group %d", uid, s.User.GID), Where: "status.containerStatuses[].user.linux"}},
	}
	switch {
	case uid == profile && s.Ready:
		finding.Verdict, finding.Severity = Fits, Low
		finding.What, finding.Fix = fmt.Sprintf("it runs as user %d already", uid), "nothing is to be done"
	case uid == profile:
		return found
	case f.Image != nil && f.Image.Files != nil || f.Known.Tells(c):
		return found
	case uid == 0:
		finding.Severity = High
		finding.What = fmt.Sprintf("it runs as root now, and would run as user %d", profile)
		finding.Fix = "set runAsUser: 0 in the manifest if it has to be root, or set runAsUser to the user that its program changes to"
	default:
		finding.What = fmt.Sprintf("it runs as user %d now, and would run as user %d", uid, profile)
		finding.Exception = userException(uid)
		finding.Fix = finding.Exception.fix()
	}
	return append(found, finding)
}

// trouble says why a container does not run well; "" if it does, as far as is known.
func (s *Status) trouble() string {
	var parts []string
	if s.Waiting != "" && s.Waiting != "ContainerCreating" && s.Waiting != "PodInitializing" {
		parts = append(parts, s.Waiting)
		if s.WaitMessage != "" {
			parts = append(parts, s.WaitMessage)
		}
	}
	if len(parts) == 0 && (s.Ready || s.Restarts < 3) {
		return ""
	}
	if s.ExitCode != nil && *s.ExitCode != 0 {
		last := fmt.Sprintf("last exit code %d", *s.ExitCode)
		if s.TermReason != "" && s.TermReason != "Error" { // which says no more than the code
			last += " (" + s.TermReason + ")"
		}
		parts = append(parts, last)
	}
	if s.Restarts > 0 {
		parts = append(parts, fmt.Sprintf("%d restarts", s.Restarts))
	}
	return strings.Join(parts, ", ")
}
