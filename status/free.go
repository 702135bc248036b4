// SPDX-License-Identifier: Apache-2.0

package status

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/trial/watch"
)

// harmlessDrop is what a container drops that is to keep the capabilities which a runtime
// gives by default: this one is not among them. An empty list would count as unset.
const harmlessDrop = "SYS_ADMIN"

// A freeing is a patch of a template that sets fields, so that the webhook leaves them.
type freeing struct {
	container map[string]any // the security context
	note      string
}

// free returns what sets the fields to values under which nothing is hardened. The user is
// that of a Pod from before, or of the image as public sources have it.
func free(settings []string, user *int64, from string) freeing {
	f := freeing{container: map[string]any{}}
	var notes []string
	for _, setting := range settings {
		switch setting {
		case escalation:
			f.container["allowPrivilegeEscalation"] = true
		case capabilities:
			f.container["capabilities"] = map[string]any{"drop": []string{harmlessDrop}}
			notes = append(notes, "A runtime does not give "+harmlessDrop+" by default, so to drop it takes nothing away.")
		case readOnlyRoot:
			f.container["readOnlyRootFilesystem"] = false
		case nonRoot:
			f.container["runAsNonRoot"] = false
		case seccomp:
			f.container["seccompProfile"] = map[string]any{"type": "Unconfined"}
		case runAsUser:
			uid := int64(0)
			if user != nil {
				uid = *user
				notes = append(notes, fmt.Sprintf("User %d is %s.", uid, from))
			} else {
				notes = append(notes, "The user of the image is not known here: 0 is root. Use the user of the image if you know it.")
			}
			f.container["runAsUser"] = uid
		case runAsGroup:
			if user == nil || *user == 0 {
				f.container["runAsGroup"] = 0
			}
		}
	}
	f.note = strings.Join(notes, " ")
	return f
}

// command returns the kubectl command that frees one workload; "" where no patch can: Pods
// and Jobs cannot change, and custom resources know no strategic patch.
func (f freeing) command(context string, r Ref, container string, init bool) string {
	kind, known := templateKind(r)
	if !known || r.Kind == "Pod" || r.Kind == "Job" || len(f.container) == 0 {
		return ""
	}
	list := "containers"
	if init {
		list = "initContainers"
	}
	var patch any = map[string]any{"spec": map[string]any{list: []any{map[string]any{"name": container, "securityContext": f.container}}}}
	for _, member := range slices.Backward(kind.Path) {
		patch = map[string]any{member: patch}
	}
	text, err := json.Marshal(patch)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("kubectl%s patch %s %s -n %s --type=strategic -p %s", contextFlag(context), strings.ToLower(r.Kind), r.Name, r.Namespace, quoted(string(text)))
}

func contextFlag(context string) string {
	if context == "" {
		return ""
	}
	return " --context " + quoted(context)
}

// quoted returns a word as a shell reads it.
func quoted(word string) string {
	if word != "" && strings.IndexFunc(word, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@=", r))
	}) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// fixOf says what is to be done for good.
func fixOf(s *suspicion) (fix string, exception *evidence.Exception) {
	setting := s.settings[0]
	switch setting {
	case readOnlyRoot:
		if dir := watch.Directory(s.item.Path); dir != "" {
			return "mount an emptyDir at " + dir + ", or list it under writablePaths of the profile", &evidence.Exception{WritablePaths: []string{dir}}
		}
		return "mount an emptyDir where it writes, or set readOnlyRootFilesystem: false", &evidence.Exception{Leave: []string{readOnlyRoot}}
	case nonRoot:
		return "set runAsUser to a user under which the image works, or build the image with a numeric USER", &evidence.Exception{Leave: []string{nonRoot}}
	case capabilities:
		if s.id == "program-not-permitted" {
			return "set capabilities.drop: [ALL] in the manifest, and list in capabilities.add the capability of the file (getcap shows it)", &evidence.Exception{Leave: []string{capabilities}}
		}
		return "set capabilities.drop: [ALL] in the manifest, and list in capabilities.add what it needs; set runAsUser: 0 if it has to start as root", &evidence.Exception{Leave: s.settings}
	case seccomp:
		return "set seccompProfile in the manifest to a profile that allows the call (type: Localhost), or to Unconfined", &evidence.Exception{Leave: []string{seccomp}}
	case escalation:
		return "run the program without sudo or another setuid helper, or set allowPrivilegeEscalation: true", &evidence.Exception{Leave: []string{escalation}}
	}
	return "set runAsUser to the user that the image is made for, or give the directory to the user by fsGroup", &evidence.Exception{Leave: []string{runAsUser}}
}
