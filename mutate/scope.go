// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/caseharden/caseharden/defaults"
)

// A scope is what a review is about: the containers to decide on, and whether
// the pod itself is. An empty one is answered without looking further.
type scope struct {
	pod        *defaults.Pod // nil in an empty scope
	containers []*defaults.Container
	wholePod   bool // a new pod: its own security context, its annotations, its place in the metrics
}

// scopeOf says what a request is about.
//
//	operation  resource                    decided on
//	CREATE     pods                        every container, and the pod
//	UPDATE     pods/ephemeralcontainers    ephemeral containers that oldObject lacks
//	otherwise                              nothing
//
// All else in a running pod is immutable, so a patch of it would make the API
// server refuse the update. The same holds for mirror pods, which show what a
// kubelet runs from a file and must not differ from it: they have no scope
// either. The rules of the webhook configuration ask for no more than this; the
// switch holds when someone widens them.
func scopeOf(req *request) (scope, error) {
	isPods := req.Resource.Group == "" && req.Resource.Version == "v1" && req.Resource.Resource == "pods"
	switch {
	case isPods && req.Operation == admissionv1.Create && req.SubResource == "":
		pod, err := parsePod("request.object", req.Object)
		if err != nil || isMirror(pod) {
			return scope{}, err
		}
		s := scope{pod: pod, wholePod: true}
		for i := range pod.Containers {
			s.containers = append(s.containers, &pod.Containers[i])
		}
		return s, nil

	case isPods && req.Operation == admissionv1.Update && req.SubResource == "ephemeralcontainers":
		pod, err := parsePod("request.object", req.Object)
		if err != nil || isMirror(pod) {
			return scope{}, err
		}
		old, err := parsePod("request.oldObject", req.OldObject)
		if err != nil {
			return scope{}, err
		}
		return scope{pod: pod, containers: newEphemeral(pod, old)}, nil

	default:
		return scope{}, nil
	}
}

func parsePod(place string, object []byte) (*defaults.Pod, error) {
	if len(object) == 0 || object[0] == 'n' {
		return nil, fmt.Errorf("%s: must be set", place)
	}
	pod, err := defaults.ParsePod(object)
	if err != nil {
		return nil, located(place, err)
	}
	return pod, nil
}

func isMirror(pod *defaults.Pod) bool {
	_, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]
	return mirror
}

// newEphemeral returns the ephemeral containers of the pod that old does not
// have. Their names are unique and never change.
func newEphemeral(pod, old *defaults.Pod) []*defaults.Container {
	existed := map[string]bool{}
	for _, c := range old.Containers {
		existed[c.Name] = true
	}
	var added []*defaults.Container
	for i := range pod.Containers {
		if c := &pod.Containers[i]; c.Type == defaults.Ephemeral && !existed[c.Name] {
			added = append(added, c)
		}
	}
	return added
}

// decide decides every default of the profile for everything in the scope:
// container by container, then the pod.
func (s scope) decide(profile *defaults.Profile) []defaults.Decision {
	decisions := make([]defaults.Decision, 0, len(s.containers)*len(profile.Container)+len(profile.Pod))
	for _, c := range s.containers {
		decisions = append(decisions, profile.DecideContainer(s.pod, c)...)
	}
	if s.wholePod {
		decisions = append(decisions, profile.DecidePod(s.pod)...)
	}
	return decisions
}
