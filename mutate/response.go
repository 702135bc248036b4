// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"encoding/json"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// setPatch puts the patch for the change into the response. Where nothing is
// injected it sets neither patch nor patchType: the API server takes one without
// the other for an error.
func setPatch(response *admissionv1.AdmissionResponse, scope scope, change *Change, injected *injected) {
	if injected == nil {
		return
	}
	p := change.patch()
	if scope.wholePod {
		merged := injected.mergedWith(earlierPass(scope.pod), scope.pod)
		if value := merged.String(); fits(scope.pod.Annotations, InjectedAnnotation, value) {
			p.annotate(scope.pod, InjectedAnnotation, value)
		}
	}
	patchType := admissionv1.PatchTypeJSONPatch
	response.Patch, response.PatchType = p.JSON(), &patchType
}

// auditAnnotations returns what the API server is to write into its audit log,
// each key after the name of the webhook. What it has once written it does not
// replace, so a later pass over the same pod has keys of its own.
func auditAnnotations(mode Mode, scope scope, injected *injected, skipped *skipped) map[string]string {
	suffix := ""
	if mode == Enforce && scope.wholePod && earlierPass(scope.pod) != nil {
		suffix = "-on-reinvocation"
	}
	annotations := map[string]string{}
	if injected != nil {
		annotations[injectedKey(mode)+suffix] = injected.String()
	}
	if skipped != nil {
		annotations["skipped"+suffix] = skipped.String()
	}
	return annotations
}

// injectedKey is the key under which a mode tells what has been filled in, or
// would have been.
func injectedKey(mode Mode) string {
	if mode == Enforce {
		return "injected"
	}
	return "would-inject"
}

// encode returns the body of an answer.
func encode(response *admissionv1.AdmissionResponse) ([]byte, error) {
	body, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: apiVersion, Kind: "AdmissionReview"},
		Response: response,
	})
	if err != nil {
		return nil, failf(http.StatusInternalServerError, "internal error: encoding the answer: %s", err)
	}
	return body, nil
}
