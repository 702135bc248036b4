// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestHandler demands the UID of the review in the constant, and that check checks.
func TestHandler(t *testing.T) {
	const review, bad = `{"request":{"uid":"7","object":{"uid":"8"}}}`, http.StatusBadRequest
	for _, tt := range []struct {
		path, review string
		check        bool
		code         int
	}{
		{"/pod", review, true, 200}, {"/other", review, true, bad}, {"/pod", `{"uid":"7`, false, bad}, {"/pod", review + "}", false, 200}, {"/pod", review + "}", true, bad},
	} {
		h := &handler{check: tt.check, answers: map[string][]byte{"/pod": []byte(`{"response":{"uid":"0","allowed":true}}`)}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, tt.path, strings.NewReader(tt.review)))
		if w.Code != tt.code || (w.Code == 200 && w.Body.String() != `{"response":{"uid":"7","allowed":true}}`) {
			t.Errorf("%s %s, check %t: %d %s, want %d", tt.path, tt.review, tt.check, w.Code, w.Body, tt.code)
		}
	}
}
