// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"fmt"

	"github.com/go-json-experiment/json"
)

// A Pod is what decisions and patches have to know of a pod, as it stands in
// the JSON.
type Pod struct {
	Name         string
	GenerateName string
	Annotations  map[string]string
	Windows      bool // it is for Windows nodes
	HostNetwork  bool
	HostIPC      bool
	OwnUsers     bool // spec.hostUsers is false

	SecurityContext SecurityContext // spec.securityContext
	Containers      []Container     // init, then regular, then ephemeral

	// Which of the objects that a patch may have to create are there already.
	HasMetadata, HasAnnotations, HasSpec bool
}

// A ContainerType is one of the three kinds of container.
type ContainerType string

// The container types.
const (
	Init      ContainerType = "init"
	Regular   ContainerType = "regular"
	Ephemeral ContainerType = "ephemeral"
)

// List returns the name of the list in the pod's spec that holds containers of
// this type.
func (t ContainerType) List() string {
	switch t {
	case Init:
		return "initContainers"
	case Regular:
		return "containers"
	case Ephemeral:
		return "ephemeralContainers"
	}
	panic(fmt.Sprintf("internal error: List called on container type %q", string(t)))
}

// A Container is what decisions and patches have to know of a container.
type Container struct {
	Type            ContainerType
	Index           int // in the list of its type
	Name            string
	Image           string
	SecurityContext SecurityContext
}

// ParsePod reads a pod from JSON. What it does not need to know it does not
// look at, so that a pod may hold fields that nobody has heard of yet. An error
// names the place as a JSON pointer.
func ParsePod(data []byte) (*Pod, error) {
	var wire struct {
		Metadata *struct {
			Name         string            `json:"name"`
			GenerateName string            `json:"generateName"`
			Annotations  map[string]string `json:"annotations"`
		} `json:"metadata"`
		Spec *podSpec `json:"spec"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return nil, err
	}
	pod := &Pod{}
	if m := wire.Metadata; m != nil {
		pod.HasMetadata = true
		pod.HasAnnotations = m.Annotations != nil
		pod.Name, pod.GenerateName, pod.Annotations = m.Name, m.GenerateName, m.Annotations
	}
	if wire.Spec != nil {
		pod.HasSpec = true
		wire.Spec.fill(pod)
	}
	return pod, nil
}

type podSpec struct {
	OS struct {
		Name string `json:"name"`
	} `json:"os"`
	NodeSelector        map[string]string `json:"nodeSelector"`
	Affinity            affinity          `json:"affinity"`
	HostNetwork         bool              `json:"hostNetwork"`
	HostIPC             bool              `json:"hostIPC"`
	HostUsers           *bool             `json:"hostUsers"`
	SecurityContext     SecurityContext   `json:"securityContext"`
	InitContainers      []*container      `json:"initContainers"`
	Containers          []*container      `json:"containers"`
	EphemeralContainers []*container      `json:"ephemeralContainers"`
}

type container struct {
	Name            string          `json:"name"`
	Image           string          `json:"image"`
	SecurityContext SecurityContext `json:"securityContext"`
}

func (s *podSpec) fill(pod *Pod) {
	pod.HostNetwork, pod.HostIPC = s.HostNetwork, s.HostIPC
	pod.OwnUsers = s.HostUsers != nil && !*s.HostUsers
	pod.SecurityContext = s.SecurityContext
	lists := []struct {
		t    ContainerType
		list []*container
	}{{Init, s.InitContainers}, {Regular, s.Containers}, {Ephemeral, s.EphemeralContainers}}
	n := 0
	for _, l := range lists {
		for _, c := range l.list {
			if c != nil {
				n++
			}
		}
	}
	pod.Containers = make([]Container, 0, n)
	for _, l := range lists {
		for i, c := range l.list {
			// A null in the list is no container: there is nothing to fill in, and
			// nowhere to put it.
			if c != nil {
				pod.Containers = append(pod.Containers, Container{Type: l.t, Index: i, Name: c.Name, Image: c.Image, SecurityContext: c.SecurityContext})
			}
		}
	}
	pod.Windows = s.forWindows(pod)
}
