// SPDX-License-Identifier: Apache-2.0

package yamledit

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/caseharden/caseharden/internal/doctest"
)

// A golden file holds a comment, the additions (a pointer and a JSON value on a
// line), the input, and one of want and want.error.
func TestGolden(t *testing.T) {
	t.Parallel()
	doctest.Golden(t, func(t *testing.T, file *txtar.Archive) map[string]string {
		input, additions := []byte(doctest.Section(file, "input")), parseAdditions(t, doctest.Section(file, "additions"))
		out, err := Add(input, additions)
		if err != nil {
			return map[string]string{"want.error": err.Error() + "\n"}
		}
		checkTree(t, input, out, additions)
		return map[string]string{"want": string(out)}
	})
}

func parseAdditions(t *testing.T, lines string) []Addition {
	t.Helper()
	var additions []Addition
	for line := range strings.Lines(lines) {
		pointer, value, found := strings.Cut(strings.TrimSpace(line), " ")
		if !found || !json.Valid([]byte(value)) {
			t.Fatalf("not an addition: %q", line)
		}
		additions = append(additions, Addition{pointer, json.RawMessage(value)})
	}
	return additions
}
