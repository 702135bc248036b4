// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	admissionv1 "k8s.io/api/admission/v1"
)

// A request is answered alike in whichever order its members come: an API server's lets
// the pod be read in one pass, any other in two.
func TestOrderOfMembers(t *testing.T) {
	const pod = `{"metadata":{"name":"web"},"spec":{"containers":[{"name":"app"}],"ephemeralContainers":[{"name":"debugger"}]}}`
	for name, request := range map[string]*admissionv1.AdmissionRequest{
		"create":             create(pod),
		"ephemeral":          updateEphemeral(barePod, pod),
		"another operation":  func() *admissionv1.AdmissionRequest { r := create(pod); r.Operation = admissionv1.Delete; return r }(),
		"another resource":   func() *admissionv1.AdmissionRequest { r := create(pod); r.Resource.Resource = "services"; return r }(),
		"a subresource":      func() *admissionv1.AdmissionRequest { r := create(pod); r.SubResource = "binding"; return r }(),
		"a pod that is none": create(`{"spec":{"containers":[1]}}`),
		"no object":          create(`null`),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWebhook(t)
			var review struct {
				APIVersion, Kind string
				Request          map[string]json.RawMessage
			}
			body := marshalReview(t, request)
			if err := json.Unmarshal(body, &review); err != nil {
				t.Fatal(err)
			}
			var members []string
			for name := range review.Request {
				members = append(members, name)
			}
			slices.Sort(members)
			want := answered(w, body)
			for range members { // each is the first once
				members = append(members[1:], members[0])
				var written []string
				for _, name := range members {
					// White space, where others write it.
					written = append(written, `"`+name+"\" :\n\t"+string(review.Request[name]))
				}
				text := `{"request": {` + strings.Join(written, " , ") + `},"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}`
				got := answered(w, []byte(text))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("members in the order %v (-want +got):\n%s", members, diff)
				}
			}
			if name == "create" && !strings.Contains(want, `"patch"`) {
				t.Errorf("the pod is not hardened: %s", want)
			}
		})
	}
}

// answered returns the answer to a body, or the error.
func answered(w webhook, body []byte) string {
	answer, err := w.answer("/enforce/hardened", body)
	if err != nil {
		return err.Error()
	}
	return string(answer.Body())
}
