// SPDX-License-Identifier: Apache-2.0

package cli

import "testing"

func TestKustomizeNeedsAProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	const want = "-k overlay: neither kubectl nor kustomize is in the PATH: install one of them"
	if _, err := kustomize("overlay"); err == nil || err.Error() != want {
		t.Errorf("kustomize: %v, want %s", err, want)
	}
}
