// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// The hooks for pre-commit are commands that there are, with flags that there are: each works
// on the example, with the arguments that docs/preview.md gives it.
func TestPreCommitHooks(t *testing.T) {
	data, err := os.ReadFile("../../.pre-commit-hooks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var hooks []struct{ ID, Entry string }
	if err := yaml.Unmarshal(data, &hooks); err != nil {
		t.Fatal(err)
	}
	arguments := map[string][]string{
		"caseharden-preview":  {"-f", "../../docs/examples/shop", "--profile", "restricted"},
		"caseharden-profiles": {"../../docs/examples/profiles/debug.yaml"},
	}
	if len(hooks) != len(arguments) {
		t.Fatalf("%d hooks, want %d", len(hooks), len(arguments))
	}
	for _, hook := range hooks {
		entry := strings.Fields(hook.Entry)
		var stdout, stderr bytes.Buffer
		if code := Run(t.Context(), Build{}, append(entry[1:], arguments[hook.ID]...), &stdout, &stderr); entry[0] != "caseharden" || code != 0 {
			t.Errorf("%s: %s: exit code %d: %s", hook.ID, hook.Entry, code, &stderr)
		}
	}
}
