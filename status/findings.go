// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/evidence"
)

// A Finding is what does not work, with the setting that is suspected.
type Finding struct {
	evidence.Finding
	Pod     string `json:"pod,omitempty"`  // the first that has it
	Pods    int    `json:"pods,omitempty"` // that have it
	Before  string `json:"before"`         // whether it ran before it was hardened, as far as is known
	Command string `json:"command,omitempty"`
	Note    string `json:"note,omitempty"` // what to know of the command
}

// Unexplained is a container that does not run, for which nothing speaks against a setting.
type Unexplained struct {
	Container string `json:"container"`
	Pod       string `json:"pod"`
	Pods      int    `json:"pods"`
	Why       string `json:"why"`
	Message   string `json:"message,omitempty"`
	Logs      string `json:"logs,omitempty"` // the command that shows more
}

// judge returns the findings of a workload's troubles, and the troubles that no setting is
// suspected of.
func (s *Snapshot) judge(top Ref, g *group) (found []Finding, rest []Unexplained) {
	for i := range g.troubles {
		t := &g.troubles[i]
		suspicions := t.suspicions()
		for j := range suspicions {
			found = append(found, s.finding(top, g, t, &suspicions[j]))
		}
		if len(suspicions) == 0 {
			u := Unexplained{Container: t.Container, Pod: t.Pod, Pods: t.Pods, Why: t.Why(), Message: t.message()}
			if u.Message == "" {
				u.Message = t.EndMessage
			}
			if t.Waiting == "CreateContainerConfigError" {
				u.Message = t.Message
			}
			if t.ExitCode != nil && t.Log == "" {
				u.Logs = fmt.Sprintf("kubectl%s logs %s -n %s -c %s --previous", contextFlag(s.Context), t.Pod, t.Namespace, t.Container)
			}
			rest = append(rest, u)
		}
	}
	return found, rest
}

func (s *Snapshot) finding(top Ref, g *group, t *Trouble, by *suspicion) Finding {
	f := Finding{Pod: t.Pod, Pods: t.Pods, Finding: evidence.Finding{
		ID: by.id, Container: t.Container, Settings: by.settings, Verdict: by.verdict, Severity: by.severity,
		What: by.what, Evidence: []evidence.Item{by.item},
	}}
	f.Fix, f.Exception = fixOf(by)
	if why := t.Why(); why != "" && by.item.Text != why {
		f.Evidence = append(f.Evidence, t.item(why, "status.containerStatuses"))
	}
	f.Evidence = append(f.Evidence, evidence.Item{
		Source: evidence.FromStatus, Text: "the webhook filled in " + strings.Join(by.settings, ", "), Where: "Pod " + t.Pod + ", annotation caseharden.io/injected",
	})
	switch {
	case g.readyBefore != "":
		f.Before = "Pod " + g.readyBefore + " of the same workload is not hardened, and is ready"
	case g.readyAlike != "" && by.verdict != evidence.Breaks:
		f.Before = "Pod " + g.readyAlike + " of the same workload is also hardened, and is ready: the setting is less likely the cause"
		f.Severity = evidence.Low
	default:
		f.Before = "unknown: no Pod from before is there"
	}
	f.Command, f.Note = s.freeing(top, g, t, by)
	return f
}

// freeing returns the command that frees the workload, and what to know of it.
func (s *Snapshot) freeing(top Ref, g *group, t *Trouble, by *suspicion) (command, note string) {
	var user *int64
	from := ""
	if uid, found := g.usersBefore[t.Container]; found {
		user, from = &uid, "the user as whom the container of Pod "+g.readyBefore+" runs"
	} else if s.Known != nil {
		if known := s.Known(t.Image); known != nil && known.UID != nil && !known.StartsAsRoot && by.id != "not-permitted" && by.id != "needs-root" {
			user, from = known.UID, "the user of the image, by its public sources"
		}
	}
	settings := by.settings
	if slices.Contains(settings, runAsUser) && (user == nil || *user == 0) {
		settings = withRoot(settings, t.Recorded)
	}
	for _, f := range settings {
		if slices.Contains(t.PodLevel, f) {
			return "", "The profile sets " + f + " at Pod level: set it in securityContext of the Pod template."
		}
	}
	f := free(settings, user, from)
	command = f.command(s.Context, top, t.Container, t.init)
	if command == "" {
		switch {
		case top.Kind == "Pod" || top.Kind == "Job":
			return "", "A " + top.Kind + " cannot be changed: set the fields in its manifest, and create it again."
		default:
			return "", "Set the fields in the Pod template of the " + top.Kind + "."
		}
	}
	return command, f.note
}

// withRoot returns the settings, with those that keep root from starting, and from files of
// other users.
func withRoot(settings, recorded []string) []string {
	all := slices.Clone(settings)
	for _, f := range []string{nonRoot, capabilities} {
		if slices.Contains(recorded, f) && !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	return all
}

var (
	byPodSecurity = regexp.MustCompile(`violates PodSecurity "([^"]+)"`)
	byWebhook     = regexp.MustCompile(`failed calling webhook "([a-z]+-[^"]+\.caseharden\.io)"`)
)

// judgeFailure returns the finding of Pods that could not be created; nil if something else
// than Pod Security Admission or the webhook refuses them.
func (s *Snapshot) judgeFailure(top Ref, f Failure) *Finding {
	item := evidence.Item{Source: evidence.FromStatus, Text: strings.Join(strings.Fields(f.Message), " "), Where: "event FailedCreate of " + f.Owner.String()}
	base := evidence.Finding{Settings: []string{}, Verdict: evidence.Breaks, Severity: evidence.High, Evidence: []evidence.Item{item}}
	found := &Finding{Finding: base, Before: "unknown: the Pods were never created"}
	switch {
	case byWebhook.MatchString(f.Message):
		entry := byWebhook.FindStringSubmatch(f.Message)[1]
		found.ID, found.What = "webhook-not-called", "no Pods are created: the API server cannot call the webhook "+entry+", and failurePolicy is Fail"
		found.Fix = "make the replicas of Caseharden reachable: docs/operations.md, When something fails"
		found.Command = fmt.Sprintf("kubectl%s label namespace %s caseharden.io/enforce-", contextFlag(s.Context), f.Owner.Namespace)
		found.Note = "The command frees the whole namespace: its Pods are then created as their authors wrote them."
	case byPodSecurity.MatchString(f.Message):
		found.ID, found.What = "pod-security-refused", "no Pods are created: Pod Security Admission refuses them by its level "+byPodSecurity.FindStringSubmatch(f.Message)[1]
		found.Fix = "change in the manifest what the message names: Caseharden never changes what an author has set"
	default:
		return nil
	}
	return found
}
