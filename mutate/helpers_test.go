// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/reviewtest"
)

const barePod = reviewtest.BarePod

var (
	create          = reviewtest.Create
	updateEphemeral = reviewtest.UpdateEphemeral
	marshalReview   = reviewtest.Marshal
)

// webhook answers reviews by the built-in profiles and those of testdata/profiles.yaml.
type webhook map[string]*defaults.Profile

func newWebhook(t testing.TB) webhook {
	t.Helper()
	w := webhook{}
	for _, p := range reviewtest.Profiles(t, "testdata/profiles.yaml") {
		w[p.Name] = p
	}
	return w
}

// answer answers a body that is sent to a path, /{mode}/{profile}.
func (w webhook) answer(path string, body []byte) (*Answer, error) {
	mode, profile, _ := strings.Cut(path[1:], "/")
	review, err := Read(Mode(mode), body)
	if err != nil {
		return nil, err
	}
	return review.Answer(w[profile])
}

// review answers a request that is sent to a path, and demands a well-formed answer.
func (w webhook) review(t testing.TB, path string, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	t.Helper()
	answer, err := w.answer(path, marshalReview(t, request))
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	return reviewtest.Unmarshal(t, answer.Body(), request)
}
