// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/mutate"
)

// FuzzHandler sends any bytes: the answer is one of the known ones, and nothing
// panics.
func FuzzHandler(f *testing.F) {
	review := marshalReview(f, create(barePod))
	f.Add(review)
	f.Add(marshalReview(f, updateEphemeral(barePod, `{"spec":{"ephemeralContainers":[{"name":"a"}]}}`)))
	f.Add(marshalReview(f, createDeployment(barePod)))
	f.Add(review[:len(review)/2])
	f.Add([]byte{})
	w := newWebhook(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		w.log.Reset()
		for _, mode := range mutate.Modes() {
			for _, profile := range []string{"hardened", "everything"} {
				recorder := w.post("/"+string(mode)+"/"+profile, bytes.NewReader(body))
				if recorder.Code != http.StatusOK && recorder.Code != http.StatusBadRequest {
					t.Errorf("answer = %d %s", recorder.Code, recorder.Body)
				}
				if recorder.Code != http.StatusOK && strings.Contains(recorder.Body.String(), `"patch"`) {
					t.Errorf("a failure with a patch: %s", recorder.Body)
				}
			}
		}
	})
}
