// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

func TestSplitAtUID(t *testing.T) {
	for _, tt := range []struct{ review, before, uid, after string }{
		{"", "", "", ""},
		{"{}", "", "", ""},
		{`{"uid":"`, "", "", ""},
		{`{"uid":"7`, "", "", ""},
		{`{"uid":"7","object":{"uid":"8"}}`, `{"uid":"`, "7", `","object":{"uid":"8"}}`},
	} {
		before, uid, after, err := splitAtUID([]byte(tt.review))
		if (err == nil) != (tt.uid != "") || string(before) != tt.before || string(uid) != tt.uid || string(after) != tt.after {
			t.Errorf("%s: %q, %q, %q, error %v, want %q, %q, %q", tt.review, before, uid, after, err, tt.before, tt.uid, tt.after)
		}
	}
}
