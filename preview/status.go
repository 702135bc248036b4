// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/inorder"
	"github.com/caseharden/caseharden/preview/manifest"
)

// statuses are what runtimes report of containers, by how these were made.
type statuses map[made]*evidence.Status

// made is what a container was made of. A Pod of an earlier template, with another image or
// another user, tells nothing of the template of today.
type made struct {
	name, image string
	user        int64 // runAsUser of the container, else of the pod; noUser if unset
}

const noUser = -1

// containersOf returns what the containers of a pod are made of, by name.
func containersOf(pod *corev1.PodSpec) map[string]made {
	all := map[string]made{}
	add := func(name, image string, c *corev1.SecurityContext) {
		all[name] = made{name, image, userOf(pod.SecurityContext, c)}
	}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		add(c.Name, c.Image, c.SecurityContext)
	}
	for _, c := range pod.EphemeralContainers {
		add(c.Name, c.Image, c.SecurityContext)
	}
	return all
}

func userOf(pod *corev1.PodSecurityContext, c *corev1.SecurityContext) int64 {
	switch {
	case c != nil && c.RunAsUser != nil:
		return *c.RunAsUser
	case pod != nil && pod.RunAsUser != nil:
		return *pod.RunAsUser
	}
	return noUser
}

// A livePod is what an object in the input says of a pod that runs.
type livePod struct {
	Metadata struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		SecurityContext *corev1.PodSecurityContext `json:"securityContext"`
		Init            []liveContainer            `json:"initContainers"`
		Regular         []liveContainer            `json:"containers"`
		Ephemeral       []liveContainer            `json:"ephemeralContainers"`
	} `json:"spec"`
	Status struct {
		Init      []corev1.ContainerStatus `json:"initContainerStatuses"`
		Regular   []corev1.ContainerStatus `json:"containerStatuses"`
		Ephemeral []corev1.ContainerStatus `json:"ephemeralContainerStatuses"`
	} `json:"status"`
}

type liveContainer struct {
	Name            string                  `json:"name"`
	Image           string                  `json:"image"`
	SecurityContext *corev1.SecurityContext `json:"securityContext"`
}

// readLive reads what an object says of a pod that runs; false if it says nothing.
func readLive(o *manifest.Object) (*livePod, bool) {
	var pod livePod
	if o.APIVersion != "v1" || o.Kind != "Pod" || jsonv2.Unmarshal(o.Raw, &pod) != nil {
		return nil, false
	}
	return &pod, len(pod.Status.Init)+len(pod.Status.Regular)+len(pod.Status.Ephemeral) > 0
}

// statuses returns the live status of the containers of a pod.
func (p *livePod) statuses() statuses {
	madeOf := map[string]made{}
	for _, c := range slices.Concat(p.Spec.Init, p.Spec.Regular, p.Spec.Ephemeral) {
		madeOf[c.Name] = made{c.Name, c.Image, userOf(p.Spec.SecurityContext, c.SecurityContext)}
	}
	all := statuses{}
	for _, s := range slices.Concat(p.Status.Init, p.Status.Regular, p.Status.Ephemeral) {
		if m, found := madeOf[s.Name]; found {
			all[m] = statusOf(&s)
		}
	}
	return all
}

// asWritten returns the statuses by what the template of the pod had made of its containers:
// without the users that the webhook filled in.
func (p *livePod) asWritten() map[made]witness {
	record := (&defaults.Pod{Annotations: p.Metadata.Annotations}).EarlierPass()
	all := map[made]witness{}
	for m, status := range p.statuses() {
		w := witness{Status: status}
		if record != nil && (slices.Contains(record.Containers[m.name], "runAsUser") || slices.Contains(record.Pod, "runAsUser")) {
			m.user, w.hardened = noUser, true
		}
		all[m] = w
	}
	return all
}

// A witness is the status of a container in one of the pods of a controller.
type witness struct {
	*evidence.Status
	hardened bool // the webhook filled in its user
}

// weight orders the witnesses of one container: of several, the heaviest speaks for the
// template, and of those the first.
//
//	it works under the user of a profile     4
//	it works as root                         3
//	it works as another user                 2
//	it has a user, and does not work         1
//	it has none                              0
func (w witness) weight() int {
	switch {
	case w.Status == nil || w.User == nil:
		return 0
	case !w.Ready:
		return 1
	case w.hardened:
		return 4
	case w.User.UID == 0:
		return 3
	}
	return 2
}

func statusOf(s *corev1.ContainerStatus) *evidence.Status {
	status := &evidence.Status{ImageID: s.ImageID, Ready: s.Ready, Restarts: s.RestartCount}
	if s.User != nil && s.User.Linux != nil {
		status.User = &evidence.User{UID: s.User.Linux.UID, GID: s.User.Linux.GID}
	}
	if w := s.State.Waiting; w != nil {
		status.Waiting, status.WaitMessage = w.Reason, w.Message
	}
	ended := s.State.Terminated
	if ended == nil {
		ended = s.LastTerminationState.Terminated
	}
	if ended != nil {
		status.ExitCode, status.TermReason = &ended.ExitCode, ended.Reason
	}
	return status
}

// live returns the live status of the containers of an object: its own, or that of pods
// that it made.
func (p *previewer) live(o *manifest.Object, h manifest.Header) statuses {
	if o.APIVersion == "v1" && o.Kind == "Pod" {
		if own, found := readLive(o); found {
			return own.statuses()
		}
		return nil
	}
	return p.running[identify(o.APIVersion, o.Kind, h.Metadata.Namespace, h.Metadata.Name)]
}

// running are the live statuses of the pods of controllers in the input.
type running map[identity]statuses

// runningIn returns what the pods in the input say of the controllers in the input that
// made them, so that they speak for the templates of these. It looks at pods only where
// there are controllers as well.
func runningIn(files []*manifest.File) running {
	var pods []*manifest.Object
	templates := false
	for _, f := range files {
		for _, d := range f.Documents {
			for _, o := range d.Objects {
				if o.APIVersion == "v1" && o.Kind == "Pod" {
					pods = append(pods, o)
				} else {
					templates = templates || o.IsCustom() || manifest.IsKnown(o.APIVersion, o.Kind)
				}
			}
		}
	}
	if !templates || len(pods) == 0 {
		return nil
	}
	type found struct {
		owners    []identity
		witnesses map[made]witness
	}
	heard := map[identity]map[made]witness{}
	inorder.Do(len(pods), func(i int) found {
		live, has := readLive(pods[i])
		h, err := pods[i].Header()
		owner, owned := h.Controller()
		if err != nil || !owned || !has {
			return found{}
		}
		return found{ownersOf(owner.APIVersion, owner.Kind, h.Metadata.Namespace, owner.Name, live.Metadata.Labels), live.asWritten()}
	}, func(_ int, f found) {
		for _, owner := range f.owners {
			if heard[owner] == nil {
				heard[owner] = map[made]witness{}
			}
			for m, w := range f.witnesses {
				if before, found := heard[owner][m]; !found || w.weight() > before.weight() {
					heard[owner][m] = w
				}
			}
		}
	})
	all := running{}
	for owner, witnesses := range heard {
		all[owner] = statuses{}
		for m, w := range witnesses {
			all[owner][m] = w.Status
		}
	}
	return all
}

// ownersOf returns the controller of a pod and the one above it, which its name tells: a
// Deployment names its ReplicaSets by the hash of their templates, a CronJob its Jobs by
// the time.
func ownersOf(apiVersion, kind, namespace, name string, labels map[string]string) []identity {
	owners := []identity{identify(apiVersion, kind, namespace, name)}
	switch kind {
	case "ReplicaSet":
		if above, is := strings.CutSuffix(name, "-"+labels["pod-template-hash"]); is && labels["pod-template-hash"] != "" {
			owners = append(owners, identify(apiVersion, "Deployment", namespace, above))
		}
	case "Job":
		if i := strings.LastIndexByte(name, '-'); i > 0 && strings.Trim(name[i+1:], "0123456789") == "" {
			owners = append(owners, identify(apiVersion, "CronJob", namespace, name[:i]))
		}
	}
	return owners
}
