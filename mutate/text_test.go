// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const odd = "a \"quoted\" <b> & \\ \u2028 \x01 é"

// What is written without package json is what it would read again.
func TestEncode(t *testing.T) {
	patchType := admissionv1.PatchTypeJSONPatch
	for name, response := range map[string]*admissionv1.AdmissionResponse{
		"allowed":           {UID: "1", Allowed: true},
		"a patch":           {UID: odd, Allowed: true, Patch: []byte(`[{"op":"add"}]`), PatchType: &patchType},
		"audit annotations": {UID: "1", Allowed: true, AuditAnnotations: map[string]string{"b": odd, odd: "c", "a": ""}},
		"warnings":          {UID: "1", Allowed: true, Warnings: []string{"first", odd}},
	} {
		t.Run(name, func(t *testing.T) {
			var got admissionv1.AdmissionReview
			if err := json.Unmarshal(encode(response), &got); err != nil {
				t.Fatal(err)
			}
			want := admissionv1.AdmissionReview{
				TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"},
				Response: response,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A field that the API gets has to be looked at here, and in encode.
func TestEncodeKnowsTheResponse(t *testing.T) {
	known := []string{"UID", "Allowed", "Result", "Patch", "PatchType", "AuditAnnotations", "Warnings"}
	var got []string
	for field := range reflect.TypeFor[admissionv1.AdmissionResponse]().Fields() {
		got = append(got, field.Name)
	}
	if diff := cmp.Diff(known, got); diff != "" {
		t.Errorf("fields of an AdmissionResponse (-want +got):\n%s", diff)
	}
}

// A record is as package json would write it, but for what it escapes for HTML.
func TestInjectedString(t *testing.T) {
	for name, record := range map[string]*Injected{
		"nothing":    {Profile: "p"},
		"everything": {Profile: odd, Containers: map[string][]string{"b": {"runAsUser"}, "a": {"x", odd}, "none": {}}, Pod: []string{"fsGroup"}, WritablePaths: map[string][]string{"a": {"/tmp"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got Injected
			if err := json.Unmarshal([]byte(record.String()), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(record, &got, cmpopts.IgnoreUnexported(Injected{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if name == "nothing" && record.String() != `{"profile":"p"}` {
				t.Errorf("it holds more than it says: %s", record)
			}
		})
	}
}
