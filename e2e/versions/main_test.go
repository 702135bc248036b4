// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

func TestPick(t *testing.T) {
	versions := strings.Fields("v1.30.2 v1.30.14 v1.30.14-rc.0 v1.37.0-rc.1 v1.37.2 v1.38.0-alpha.3 v1.38.0-beta.0 v1.38.0-alpha.10")
	for arguments, want := range map[string]string{
		"1.30":           "v1.30.14",
		"v1.37 next":     "v1.37.2 v1.38.0-beta.0",
		"1.30 1.30 1.37": "v1.30.14 v1.37.2",
		"1.38":           `version "1.38": Kubernetes has no such minor version: give one such as 1.30, or next`, // not yet released
		"1.29":           `version "1.29": Kubernetes has no such minor version: give one such as 1.30, or next`,
	} {
		picked, err := pick(versions, strings.Fields(arguments))
		got := strings.Join(picked, " ")
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", arguments, got, want)
		}
	}
}
