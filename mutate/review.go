// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/caseharden/caseharden/defaults"
)

// A Review is an AdmissionReview as it was received, and what it is about.
type Review struct {
	Mode      Mode
	UID       types.UID
	Namespace string
	DryRun    bool

	scope
}

// Read reads an AdmissionReview v1 in a mode. An error names the place and what is wrong
// there. The review shares memory with the body, which must not change.
func Read(mode Mode, body []byte) (*Review, error) {
	req, err := parseReview(body)
	if err != nil {
		return nil, err
	}
	s, err := scopeOf(mode, req)
	if err != nil {
		return nil, err
	}
	return &Review{Mode: mode, UID: req.UID, Namespace: req.Namespace, DryRun: req.DryRun, scope: s}, nil
}

// About returns the kind and the name of the object that the review is about, and the
// controller that owns it. The kind is empty where Caseharden decides nothing.
func (r *Review) About() (kind, name string, owner defaults.Owner) {
	if r.pod == nil {
		return "", "", defaults.Owner{}
	}
	return r.kind, r.name, r.pod.Controller
}

// Containers returns the containers that are decided on, in the order of the pod.
func (r *Review) Containers() []*defaults.Container { return r.containers }

// CreatesPod reports whether the review is about a new pod, rather than about some of the
// containers of a pod that runs, or about a template.
func (r *Review) CreatesPod() bool { return r.wholePod && !r.template }

// IsTemplate reports whether the review is about a template of pods. Its pods are reviewed
// when they are created.
func (r *Review) IsTemplate() bool { return r.template }

// RepeatedBytes returns how many bytes of the review an answer may repeat.
func (r *Review) RepeatedBytes() int {
	repeated := len(r.UID)
	if r.pod != nil {
		repeated += len(r.pod.Annotations[InjectedAnnotation]) + min(len(r.pod.Annotations[defaults.LeaveAnnotation]), 3*maxWarning)
	}
	for _, c := range r.containers {
		repeated += len(c.Name)
	}
	return repeated
}

// An Answer is the response to a review, with the change that it makes or tells of.
type Answer struct {
	*Change
	Response *admissionv1.AdmissionResponse
}

// Answer decides on a review by a profile. In mode enforce the response has the patch; in
// the other modes it tells what the patch would be.
func (r *Review) Answer(profile *defaults.Profile) (*Answer, error) {
	change, err := r.change(profile)
	if err != nil {
		return nil, err
	}
	response := &admissionv1.AdmissionResponse{UID: r.UID, Allowed: true}
	switch r.Mode {
	case Enforce:
		response.AuditAnnotations = auditAnnotations(r.Mode, change)
		setPatch(response, change)
		if !r.wholePod {
			response.Warnings = append(warningsOfDebugging(profile.Name, change), warningsOfRefusals(change)...)
		}
	case Warn:
		response.Warnings = append(warnings(profile.Name, change), warningsOfRefusals(change)...)
	case Audit:
		response.AuditAnnotations = auditAnnotations(r.Mode, change)
	}
	return &Answer{change, response}, nil
}
