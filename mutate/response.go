// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"encoding/base64"
	"strconv"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
)

// setPatch puts the patch for the change into the response. Where nothing is
// injected it sets neither patch nor patchType: the API server takes one without
// the other for an error.
func setPatch(response *admissionv1.AdmissionResponse, change *Change) {
	if patch := change.Patch(); patch != nil {
		patchType := admissionv1.PatchTypeJSONPatch
		response.Patch, response.PatchType = patch, &patchType
	}
}

// auditAnnotations returns what the API server is to write into its audit log,
// each key after the name of the webhook. What it has once written it does not
// replace, so a later pass over the same pod has keys of its own.
func auditAnnotations(mode Mode, change *Change) map[string]string {
	suffix := ""
	if mode == Enforce && change.scope.wholePod && change.scope.pod.EarlierPass() != nil {
		suffix = "-on-reinvocation"
	}
	annotations := map[string]string{}
	if change.Injected != nil {
		annotations[InjectedKey(mode)+suffix] = change.Injected.String()
	}
	if change.Skipped != nil {
		annotations["skipped"+suffix] = change.Skipped.String()
	}
	if refusals := change.RefusalTexts(); len(refusals) > 0 {
		annotations["not-left"+suffix] = strings.Join(refusals, "; ")
	}
	return annotations
}

// InjectedKey is the key under which a mode tells what has been filled in, or
// would have been.
func InjectedKey(mode Mode) string {
	if mode == Enforce {
		return "injected"
	}
	return "would-inject"
}

// Body returns the body of an answer.
func (a *Answer) Body() []byte { return encode(a.Response) }

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
