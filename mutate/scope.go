// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"cmp"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/wire"
)

// A scope is what a review is about: the containers to decide on, and whether
// the pod itself is. An empty one is answered without looking further.
type scope struct {
	pod        *defaults.Pod // nil in an empty scope
	containers []*defaults.Container
	wholePod   bool // not just some of its containers: its own security context too, and what else concerns a new pod
	template   bool // the pod is a template of pods: nothing to patch, and none to count

	kind, name string         // of the object that was sent, for the log
	place      string         // where the pod stands in the request
	object     jsontext.Value // the pod, as it was received
}

// scopeOf says what a request is about.
//
//	operation       resource                   mode         decided on
//	CREATE          pods                       each         every container, and the pod
//	UPDATE          pods/ephemeralcontainers   each         ephemeral containers that oldObject lacks, with
//	                                                        oldObject for the pod that they are in
//	CREATE, UPDATE  those with a pod template  warn, audit  the template, as a new pod, unless a controller
//	                                                        owns the object, or oldObject has the same
//	otherwise                                               nothing
//
// All else in a running pod is immutable, so a patch of it would make the API
// server refuse the update. The same holds for mirror pods, which show what a
// kubelet runs from a file and must not differ from it: they have no scope
// either. Templates are never patched: they stay as their authors wrote them, and
// their pods are hardened when they come. The rules of the webhook configuration
// ask for no more than this; the switch holds when someone widens them.
func scopeOf(mode Mode, req *request) (scope, error) {
	kind, known := templateKind(req)
	hasTemplate := known && len(kind.Path) > 0
	var s scope
	var err error
	switch {
	case req.createsPod():
		s, err = podScope("request.object", req.Object)
	case req.updatesEphemeralContainers():
		s, err = ephemeralScope(req)
	case hasTemplate && (req.Operation == admissionv1.Create || req.Operation == admissionv1.Update) &&
		req.SubResource == "" && mode != Enforce:
		s, err = templateScope(kind, req)
	}
	if err != nil || s.pod == nil {
		return scope{}, err
	}
	s.kind = kind.Kind
	return s, nil
}

func (r *request) isAboutPods() bool {
	return r.Resource == resource{Version: "v1", Resource: "pods"}
}

func (r *request) createsPod() bool {
	return r.isAboutPods() && r.Operation == admissionv1.Create && r.SubResource == ""
}

func (r *request) updatesEphemeralContainers() bool {
	return r.isAboutPods() && r.Operation == admissionv1.Update && r.SubResource == "ephemeralcontainers"
}

// podScope returns the scope of a pod that is new, or would be.
func podScope(place string, o object) (scope, error) {
	pod, err := o.asPod(place)
	if err != nil || isMirror(pod) {
		return scope{}, err
	}
	s := scope{pod: pod, wholePod: true, name: nameOf(pod), place: place, object: o.text}
	s.containers = make([]*defaults.Container, 0, len(pod.Containers))
	for i := range pod.Containers {
		s.containers = append(s.containers, &pod.Containers[i])
	}
	return s, nil
}

// ephemeralScope returns the scope of an update of a pod's ephemeral containers: the
// new containers, in the pod as it runs. Admission gets the object as the client sent it,
// and only then the API server puts all but its ephemeral containers back to what
// oldObject has, without an error (dropNonEphemeralContainerUpdates in
// kubernetes/pkg/registry/core/pod). Whatever else the object says is true of no Pod.
//
// An API server always sends oldObject: pods/ephemeralcontainers cannot create a pod. A
// request without one is an error, so that failurePolicy decides.
func ephemeralScope(req *request) (scope, error) {
	sent, err := req.Object.asPod("request.object")
	if err != nil {
		return scope{}, err
	}
	running, err := req.OldObject.asPod("request.oldObject")
	if err != nil || isMirror(running) {
		return scope{}, err
	}
	added := newEphemeral(sent, running)
	pod := running.WithContainers(added)
	pod.HasSpec = sent.HasSpec // the patch is for the object
	return scope{pod: pod, containers: added, name: nameOf(running)}, nil
}

// asPod returns the pod that an object is. An error names the place below the given one.
func (o object) asPod(place string) (*defaults.Pod, error) {
	if o.pod != nil {
		return o.pod, nil
	}
	if !isSet(o.text) {
		return nil, fmt.Errorf("%s: must be set", place)
	}
	pod, err := defaults.ParsePod(o.text)
	if err != nil {
		return nil, wire.Located(place, err)
	}
	return pod, nil
}

func isSet(value jsontext.Value) bool { return len(value) > 0 && value.Kind() != 'n' }

func nameOf(pod *defaults.Pod) string { return cmp.Or(pod.Name, pod.GenerateName) }

func isMirror(pod *defaults.Pod) bool {
	_, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]
	return mirror
}

// newEphemeral returns the ephemeral containers that were sent and that the running pod
// does not have. Their names are unique and never change.
func newEphemeral(sent, running *defaults.Pod) []*defaults.Container {
	existed := map[string]bool{}
	for _, c := range running.Containers {
		existed[c.Name] = true
	}
	var added []*defaults.Container
	for i := range sent.Containers {
		if c := &sent.Containers[i]; c.Type == defaults.Ephemeral && !existed[c.Name] {
			added = append(added, c)
		}
	}
	return added
}
