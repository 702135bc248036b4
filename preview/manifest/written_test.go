// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"strings"
	"testing"

	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/render"
)

// written returns a report in the form of an output.
func written(t *testing.T, r *preview.Report, output string) string {
	t.Helper()
	var b strings.Builder
	if err := render.Write(&b, r, output, render.Style{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
