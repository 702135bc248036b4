// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"encoding/base64"
	"strconv"

	admissionv1 "k8s.io/api/admission/v1"
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
func encode(response *admissionv1.AdmissionResponse) []byte {
	const around = 512
	b := make([]byte, 0, around+base64.StdEncoding.EncodedLen(len(response.Patch)))
	b = append(b, `{"kind":"AdmissionReview","apiVersion":"`+apiVersion+`","response":{"uid":`...)
	b = appendQuoted(b, string(response.UID))
	b = append(b, `,"allowed":`...)
	b = strconv.AppendBool(b, response.Allowed)
	if response.Patch != nil {
		b = append(b, `,"patch":"`...)
		b = base64.StdEncoding.AppendEncode(b, response.Patch)
		b = append(b, `","patchType":`...)
		b = appendQuoted(b, string(*response.PatchType))
	}
	if len(response.AuditAnnotations) > 0 {
		b = append(b, `,"auditAnnotations":`...)
		b = appendObject(b, response.AuditAnnotations, appendQuoted)
	}
	if len(response.Warnings) > 0 {
		b = append(b, `,"warnings":`...)
		b = appendTexts(b, response.Warnings)
	}
	return append(b, `}}`...)
}
