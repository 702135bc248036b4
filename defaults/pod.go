// SPDX-License-Identifier: Apache-2.0

package defaults

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/internal/wire"
)

// A Pod is what decisions and patches have to know of a pod, as it stands in
// the JSON. It must not be used by several goroutines at a time.
type Pod struct {
	Name         string
	GenerateName string
	Annotations  map[string]string
	Controller   Owner // the controller that made it; zero without one
	Windows      bool  // it is for Windows nodes
	HostNetwork  bool
	HostIPC      bool
	OwnUsers     bool // spec.hostUsers is false

	SecurityContext SecurityContext // spec.securityContext
	Containers      []Container     // init, then regular, then ephemeral

	SELinuxOptions [2]*corev1.SELinuxOptions // of containers: the first two that differ

	// Which of the objects that a patch may have to create are there already.
	HasMetadata, HasAnnotations, HasSpec bool

	// Few decisions ask for these, so they are read when they are asked for.
	rawLabels jsontext.Value    // metadata.labels, as received
	labels    map[string]string // nil: not read yet
	nonRoot   *nonRoot          // nil: not read yet
}

// An Owner is an object that a pod belongs to.
type Owner struct{ Kind, Name string }

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
	var pod Pod
	if err := wire.Unmarshal(data, &pod); err != nil {
		return nil, err
	}
	return &pod, nil
}

// UnmarshalJSONFrom reads a pod, as [ParsePod] does.
func (p *Pod) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*p = Pod{}
	spec := podSpec{pod: p}
	err := wire.Object(dec, func(name []byte) any {
		switch string(name) {
		case "metadata":
			p.HasMetadata = true
			return (*metadata)(p)
		case "spec":
			p.HasSpec = true
			return &spec
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.Containers = spec.regular.containers
	if len(spec.init.containers)+len(spec.ephemeral.containers) > 0 {
		p.Containers = slices.Concat(spec.init.containers, spec.regular.containers, spec.ephemeral.containers)
	}
	for i := range p.Containers {
		p.noteSELinuxLabel(&p.Containers[i])
	}
	p.Windows = spec.forWindows()
	return nil
}

// WithContainers returns the pod with further containers, after the others.
func (p *Pod) WithContainers(added []*Container) *Pod {
	with := *p
	with.Containers = slices.Clip(p.Containers)
	for _, c := range added {
		with.Containers = append(with.Containers, *c)
		with.noteSELinuxLabel(c)
	}
	return &with
}

// metadata is the metadata of a pod.
type metadata Pod

func (m *metadata) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return wire.Object(dec, func(name []byte) any {
		switch string(name) {
		case "name":
			return &m.Name
		case "generateName":
			return &m.GenerateName
		case "annotations":
			m.HasAnnotations = true
			return &m.Annotations
		case "labels":
			return (*rawValue)(&m.rawLabels)
		case "ownerReferences":
			return (*ownerReferences)(m)
		}
		return nil
	})
}

// rawValue is a value that is kept as it was received.
type rawValue jsontext.Value

func (r *rawValue) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	value, err := dec.ReadValue()
	*r = append((*r)[:0], value...) // the decoder keeps its own
	return err
}

// Labels returns the labels of the pod; none where they are no object of strings, which
// the API server refuses.
func (p *Pod) Labels() map[string]string {
	if p.labels == nil {
		labels := map[string]string{}
		if len(p.rawLabels) == 0 || json.Unmarshal(p.rawLabels, &labels, jsontext.AllowDuplicateNames(true)) != nil || labels == nil {
			labels = map[string]string{}
		}
		p.labels = labels
	}
	return p.labels
}

// ownerReferences are those of a pod, of which only the controller matters.
type ownerReferences Pod

func (o *ownerReferences) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var reference ownerReference
	return wire.List(dec, func(int) any {
		reference = ownerReference{pod: (*Pod)(o)}
		return &reference
	})
}

type ownerReference struct {
	pod        *Pod
	owner      Owner
	controller bool
}

func (r *ownerReference) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	err := wire.Object(dec, func(name []byte) any {
		switch string(name) {
		case "kind":
			return &r.owner.Kind
		case "name":
			return &r.owner.Name
		case "controller":
			return &r.controller
		}
		return nil
	})
	if r.controller {
		r.pod.Controller = r.owner
	}
	return err
}

// podSpec is the spec of a pod, with what only reading it needs.
type podSpec struct {
	pod                      *Pod
	init, regular, ephemeral containerList

	os           osName
	nodeSelector map[string]string
	affinity     affinity
}

func (s *podSpec) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	s.init.ofType, s.regular.ofType, s.ephemeral.ofType = Init, Regular, Ephemeral
	hostUsers := true
	err := wire.Object(dec, func(name []byte) any {
		switch string(name) {
		case "os":
			return &s.os
		case "nodeSelector":
			return &s.nodeSelector
		case "affinity":
			return &s.affinity
		case "hostNetwork":
			return &s.pod.HostNetwork
		case "hostIPC":
			return &s.pod.HostIPC
		case "hostUsers":
			return &hostUsers
		case "securityContext":
			return &s.pod.SecurityContext
		case "initContainers":
			return &s.init
		case "containers":
			return &s.regular
		case "ephemeralContainers":
			return &s.ephemeral
		}
		return nil
	})
	s.pod.OwnUsers = !hostUsers
	return err
}

// containerList is one of the lists of containers.
type containerList struct {
	ofType     ContainerType
	containers []Container
}

// UnmarshalJSONFrom reads the list. A null in it is no container: there is nothing to
// fill in, and nowhere to put it.
func (l *containerList) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return wire.List(dec, func(index int) any {
		l.containers = append(l.containers, Container{Type: l.ofType, Index: index})
		return &l.containers[len(l.containers)-1]
	})
}

// UnmarshalJSONFrom reads what a container says of itself: all but its type and index.
func (c *Container) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return wire.Object(dec, func(name []byte) any {
		switch string(name) {
		case "name":
			return &c.Name
		case "image":
			return &c.Image
		case "securityContext":
			return &c.SecurityContext
		}
		return nil
	})
}

// osName is spec.os, of which only the name matters.
type osName string

func (n *osName) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return wire.Object(dec, func(name []byte) any {
		if string(name) == "name" {
			return (*string)(n)
		}
		return nil
	})
}
