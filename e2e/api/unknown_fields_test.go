// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
)

// A field that this build has never heard of, at any level, is never touched.
// The API server would not pass it on, so the review goes straight to the
// webhook; the patch is applied by the API server's own library.
func TestUnknownFieldsAreNeverTouched(t *testing.T) {
	const future = `{"deep":[1,{"nested":null}],"é/~":"x"}`
	object := strings.ReplaceAll(`{
	  "metadata":{"name":"x","future":F},
	  "future":F,
	  "spec":{"future":F,"securityContext":{"future":F},
	    "initContainers":[{"name":"proxy","restartPolicy":"Always","restartPolicyRules":F}],
	    "containers":[{"name":"app","future":F,"securityContext":{"future":F,"capabilities":{"future":F}}}]}}`, "F", future)
	review := `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","future":` + future + `,"request":{
	  "uid":"u1","future":` + future + `,"resource":{"group":"","version":"v1","resource":"pods"},
	  "namespace":"shop","operation":"CREATE","object":` + object + `}}`
	code, answer, err := shared.Post(t.Context(), "/enforce/hardened", []byte(review))
	if err != nil || code != 200 {
		t.Fatalf("%d %s, %v", code, answer, err)
	}
	var parsed admissionv1.AdmissionReview
	if err := json.Unmarshal(answer, &parsed); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(parsed.Response.Patch), "future") {
		t.Errorf("the patch speaks of an unknown field: %s", parsed.Response.Patch)
	}
	patch, err := jsonpatch.DecodePatch(parsed.Response.Patch)
	if err != nil {
		t.Fatal(err)
	}
	after, err := patch.Apply([]byte(object))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := toMap([]byte(object))
	if err != nil {
		t.Fatal(err)
	}
	hardened, err := toMap(after)
	if err != nil {
		t.Fatal(err)
	}
	checkKept(t, "pod", "object", kept, hardened, false)
	if !strings.Contains(string(after), `"runAsUser":10001`) {
		t.Errorf("the pod was not hardened: %s", after)
	}
}
