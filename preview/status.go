// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/inorder"
	"github.com/caseharden/caseharden/preview/manifest"
)

// statuses are what runtimes report of the containers of a pod, by name.
type statuses map[string]*evidence.Status

// A livePod is what an object in the input says of a pod that runs.
type livePod struct {
	Metadata struct {
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
	Status struct {
		Init      []corev1.ContainerStatus `json:"initContainerStatuses"`
		Regular   []corev1.ContainerStatus `json:"containerStatuses"`
		Ephemeral []corev1.ContainerStatus `json:"ephemeralContainerStatuses"`
	} `json:"status"`
}

// statusesOf returns the live status of the containers of a Pod; nil of what has none.
func statusesOf(o *manifest.Object) (statuses, map[string]string) {
	var pod livePod
	if o.APIVersion != "v1" || o.Kind != "Pod" || jsonv2.Unmarshal(o.Raw, &pod) != nil {
		return nil, nil
	}
	var all statuses
	for _, list := range [][]corev1.ContainerStatus{pod.Status.Init, pod.Status.Regular, pod.Status.Ephemeral} {
		for i := range list {
			if all == nil {
				all = statuses{}
			}
			all[list[i].Name] = statusOf(&list[i])
		}
	}
	return all, pod.Metadata.Labels
}

func statusOf(s *corev1.ContainerStatus) *evidence.Status {
	status := &evidence.Status{Image: s.Image, ImageID: s.ImageID, Ready: s.Ready, Restarts: s.RestartCount}
	if s.User != nil && s.User.Linux != nil {
		status.User = &evidence.User{UID: s.User.Linux.UID, GID: s.User.Linux.GID, Groups: s.User.Linux.SupplementalGroups}
	}
	if w := s.State.Waiting; w != nil {
		status.Waiting, status.WaitMessage = w.Reason, w.Message
	}
	ended := s.State.Terminated
	if ended == nil {
		ended = s.LastTerminationState.Terminated
	}
	if ended != nil {
		status.ExitCode, status.TermReason, status.TermMessage = &ended.ExitCode, ended.Reason, ended.Message
	}
	return status
}

// live returns the live status of the containers of an object: its own, or that of pods
// that it made.
func (p *previewer) live(o *manifest.Object, h manifest.Header) statuses {
	if o.APIVersion == "v1" && o.Kind == "Pod" {
		own, _ := statusesOf(o)
		return own
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
		owners []identity
		statuses
	}
	all := running{}
	inorder.Do(len(pods), func(i int) found {
		status, labels := statusesOf(pods[i])
		h, err := pods[i].Header()
		owner, owned := h.Controller()
		if err != nil || !owned || status == nil {
			return found{}
		}
		return found{ownersOf(owner.APIVersion, owner.Kind, h.Metadata.Namespace, owner.Name, labels), status}
	}, func(_ int, f found) {
		for _, owner := range f.owners {
			if all[owner] == nil {
				all[owner] = statuses{}
			}
			for name, status := range f.statuses {
				if known := all[owner][name]; known == nil || known.User == nil && status.User != nil {
					all[owner][name] = status
				}
			}
		}
	})
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
