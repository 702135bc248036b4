// SPDX-License-Identifier: Apache-2.0

package mutate

import (
	"testing"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/defaults/profile"
	"github.com/caseharden/caseharden/internal/reviewtest"
)

// BenchmarkSteps measures a review step by step: what is decoded, decided, patched
// and encoded.
func BenchmarkSteps(b *testing.B) {
	profile := builtin(b)[0]
	for _, review := range reviewtest.Kinds(b) {
		decode := func() (*request, scope) {
			req, err := parseReview(review.Body)
			if err != nil {
				b.Fatal(err)
			}
			s, err := scopeOf(Enforce, req)
			if err != nil {
				b.Fatal(err)
			}
			return req, s
		}
		decide := func(s scope) *Change {
			change, err := s.change(profile)
			if err != nil {
				b.Fatal(err)
			}
			return change
		}
		patch := func(change *Change) *admissionv1.AdmissionResponse {
			response := &admissionv1.AdmissionResponse{AuditAnnotations: auditAnnotations(Enforce, change)}
			setPatch(response, change)
			return response
		}
		req, s := decode()
		change := decide(s)
		response := patch(change)
		response.UID = req.UID
		for _, step := range []struct {
			name string
			do   func()
		}{
			{"decode", func() { decode() }},
			{"decide", func() { decide(s) }},
			{"patch", func() { patch(change) }},
			{"encode", func() { encode(response) }},
		} {
			b.Run(review.Name+"/"+step.name, func(b *testing.B) {
				if step.name == "decode" {
					b.SetBytes(int64(len(review.Body)))
				}
				b.ReportAllocs()
				for b.Loop() {
					step.do()
				}
			})
		}
	}
}

func builtin(b *testing.B) []*defaults.Profile {
	b.Helper()
	profiles, err := profile.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	return profiles
}
