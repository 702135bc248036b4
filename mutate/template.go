// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/internal/wire"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A TemplateKind is a kind of object that is a pod, or holds a template of pods.
type TemplateKind struct {
	Group, Version string // of the API
	Kind           string
	Resource       string
	Path           []string // members that lead from the object to the template; none: the object is a pod itself
}

// GroupVersionKind returns the kind in the form that Kubernetes' libraries have.
func (kind TemplateKind) GroupVersionKind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: kind.Group, Version: kind.Version, Kind: kind.Kind}
}

// templateKinds is every kind of the Kubernetes API that has a pod in it.
var templateKinds = []TemplateKind{
	{"", "v1", "Pod", "pods", nil},
	{"", "v1", "PodTemplate", "podtemplates", []string{"template"}},
	{"", "v1", "ReplicationController", "replicationcontrollers", []string{"spec", "template"}},
	{"apps", "v1", "DaemonSet", "daemonsets", []string{"spec", "template"}},
	{"apps", "v1", "Deployment", "deployments", []string{"spec", "template"}},
	{"apps", "v1", "ReplicaSet", "replicasets", []string{"spec", "template"}},
	{"apps", "v1", "StatefulSet", "statefulsets", []string{"spec", "template"}},
	{"batch", "v1", "CronJob", "cronjobs", []string{"spec", "jobTemplate", "spec", "template"}},
	{"batch", "v1", "Job", "jobs", []string{"spec", "template"}},
}

// TemplateKinds returns every kind that a pod is in: Pod, and those with a
// template.
func TemplateKinds() []TemplateKind { return slices.Clone(templateKinds) }

// templateKind returns the kind of the object that a request is about; false if
// the table does not hold it.
func templateKind(req *request) (kind TemplateKind, found bool) {
	r := req.Resource
	for _, k := range templateKinds {
		if k.Resource == r.Resource && k.Group == r.Group && k.Version == r.Version {
			return k, true
		}
	}
	return TemplateKind{}, false
}

// templateScope returns the scope of a request that creates or updates an object
// with a pod template. It is empty where it would tell nothing new, or tell it to
// nobody:
//
//   - where a controller owns the object: nobody applied it, and the controller
//     would only log a warning;
//   - where an update leaves the template as it is: scaling, labelling, and what
//     controllers write. The API server encodes both objects alike, so templates
//     that are equal are so byte for byte.
func templateScope(kind TemplateKind, req *request) (scope, error) {
	template, err := kind.Template("request.object", req.Object.text)
	if err != nil || template == nil {
		return scope{}, err
	}
	if req.Operation == admissionv1.Update {
		old, err := kind.Template("request.oldObject", req.OldObject.text)
		if err != nil || bytes.Equal(template, old) {
			return scope{}, err
		}
	}
	var owned struct {
		Metadata struct {
			Name            string           `json:"name"`
			GenerateName    string           `json:"generateName"`
			OwnerReferences []ownerReference `json:"ownerReferences"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(req.Object.text, &owned); err != nil {
		return scope{}, wire.Located("request.object", err)
	}
	if slices.ContainsFunc(owned.Metadata.OwnerReferences, ownerReference.isController) {
		return scope{}, nil
	}
	s, err := podScope("request.object."+strings.Join(kind.Path, "."), object{text: template})
	s.template = true
	s.name = cmp.Or(owned.Metadata.Name, owned.Metadata.GenerateName)
	return s, err
}

type ownerReference struct {
	Controller bool `json:"controller"`
}

func (r ownerReference) isController() bool { return r.Controller }

// Template returns the pod template of an object as it was received, or the pod
// itself; nil where it is unset, as a ReplicationController's may be. An error
// names the place below the given one.
func (kind TemplateKind) Template(place string, object jsontext.Value) (jsontext.Value, error) {
	if !isSet(object) {
		return nil, fmt.Errorf("%s: must be set", place)
	}
	// Of a name that is there twice, the first is taken.
	dec := jsontext.NewDecoder(bytes.NewBuffer(object), jsontext.AllowDuplicateNames(true))
	for _, name := range kind.Path {
		switch dec.PeekKind() {
		case '{':
		case 'n':
			return nil, nil
		default:
			return nil, fmt.Errorf("%s: must be an object", wire.At(place, dec.StackPointer()))
		}
		found, err := enter(dec, name)
		if err != nil {
			return nil, wire.Located(place, err)
		}
		if !found {
			return nil, nil
		}
	}
	template, err := dec.ReadValue()
	if err != nil {
		return nil, wire.Located(place, err)
	}
	if !isSet(template) {
		return nil, nil
	}
	return template, nil
}

// enter reads an object up to the value of a member, and reports whether there is
// one of that name.
func enter(dec *jsontext.Decoder, name string) (found bool, err error) {
	if _, err := dec.ReadToken(); err != nil {
		return false, err
	}
	for dec.PeekKind() != '}' {
		token, err := dec.ReadToken()
		if err != nil {
			return false, err
		}
		if token.String() == name {
			return true, nil
		}
		if _, err := dec.ReadValue(); err != nil {
			return false, err
		}
	}
	return false, nil
}
