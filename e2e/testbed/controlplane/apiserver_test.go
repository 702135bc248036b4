// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"slices"
	"testing"
)

func TestOverride(t *testing.T) {
	got := override(
		[]string{"--disable-admission-plugins=ServiceAccount", "--secure-port=1"},
		[]string{"--disable-admission-plugins=", "--v=2"})
	if want := []string{"--secure-port=1", "--disable-admission-plugins=", "--v=2"}; !slices.Equal(got, want) {
		t.Errorf("override: %q, want %q", got, want)
	}
}
