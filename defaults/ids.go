// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
)

// The fields that hold numbers of users and groups: runAsUser and runAsGroup, of
// the process; fsGroup, of the files in those volumes that Kubernetes may give
// away; supplementalGroups, further ones of the process.
//
// Fields: spec.securityContext.{runAsUser,runAsGroup,fsGroup,supplementalGroups};
// runAsUser and runAsGroup also in the securityContext of every container.
//
// Hardened values: any number but 0.
//
// Inherited from: the pod (runAsUser, runAsGroup).
//
// Conflicts: a pod with hostUsers: false has a user namespace of 65536 IDs, from
// 0 (kubelet: pkg/kubelet/userns), in which a process cannot be another one.
// Container runtimes make the sandbox of a pod with the pod's own user and group, and
// refuse a group without a user (GenerateUserString in containerd's internal/cri/util).
var (
	runAsUser = &Field{
		Name:      "runAsUser",
		Levels:    ContainerLevel | PodLevel,
		OS:        Linux,
		Values:    ids,
		Conflicts: []Conflict{beyondUserNamespace(oneID)},
	}
	runAsGroup = &Field{
		Name:      "runAsGroup",
		Levels:    ContainerLevel | PodLevel,
		OS:        Linux,
		Values:    ids,
		Conflicts: []Conflict{beyondUserNamespace(oneID), groupWithoutUser},
	}
	fsGroup = &Field{
		Name:      "fsGroup",
		Levels:    PodLevel,
		OS:        Linux,
		Values:    ids,
		Conflicts: []Conflict{beyondUserNamespace(oneID)},
	}
	supplementalGroups = &Field{
		Name:      "supplementalGroups",
		Levels:    PodLevel,
		OS:        Linux,
		Values:    listOfIDs,
		Conflicts: []Conflict{beyondUserNamespace(func(v Value) []int64 { return v.Typed.([]int64) })},
	}
)

// lastInUserNamespace is the last ID that a pod's own user namespace has.
const lastInUserNamespace = 65535

func oneID(v Value) []int64 { return []int64{*v.Typed.(*int64)} }

func beyondUserNamespace(idsOf func(Value) []int64) Conflict {
	return Conflict{
		Reason:      BeyondUserNamespace,
		When:        "`hostUsers: false`, and the value is above 65535",
		Because:     "the user namespace of the pod has no such ID, so the container would not start",
		Concerns:    func(v Value) bool { return slices.Max(idsOf(v)) > lastInUserNamespace },
		InContainer: func(pod *Pod, _ *Container, _ Value) bool { return pod.OwnUsers },
		OnPod:       func(pod *Pod, _ Value) bool { return pod.OwnUsers },
	}
}

var groupWithoutUser = Conflict{
	Reason:  GroupWithoutUser,
	When:    "for a pod-level default: neither the pod nor the profile sets `runAsUser` there",
	Because: "a container runtime refuses a pod whose `runAsGroup` stands without a `runAsUser`",
	OnPod:   func(pod *Pod, _ Value) bool { return !pod.SecurityContext.Sets(runAsUser) },
}

func isSubdomain(name string) bool { return len(validation.IsDNS1123Subdomain(name)) == 0 }
