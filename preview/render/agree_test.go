// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// A report is finished: no output changes it, so that all outputs agree, and each writes
// the same bytes again.
func TestOutputsChangeNothing(t *testing.T) {
	const shared = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - &c {name: a, image: i}\n  - *c\n"
	inputs := []manifest.Input{
		{Name: "shared.yaml", Data: []byte(shared)},
		{Name: "pod.yaml", Data: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: q}\nspec: {securityContex: {}, containers: [{name: a, image: i}]}\n")},
		{Name: "broken.yaml", Data: []byte("a: b: c\n")},
		{Name: "utf16.yaml", Data: []byte("\xff\xfe{\x00}\x00")},
	}
	r := preview.New(profiletest.Builtin(t, "hardened"), inputs, preview.Options{})
	if len(r.Errors) != 3 {
		t.Errorf("%d errors, want one in the edits, and two in the manifests: %v", len(r.Errors), r.Errors)
	}
	state := func() string {
		text, err := json.Marshal([]any{r, r.Files})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before := state()
	for _, o := range Outputs() {
		var first, second bytes.Buffer
		for _, b := range []*bytes.Buffer{&first, &second} {
			if err := Write(b, r, o.Name, Style{}); err != nil {
				t.Errorf("-o %s: %v", o.Name, err)
			}
			if state() != before {
				t.Fatalf("-o %s changes the report", o.Name)
			}
		}
		if first.String() != second.String() || first.Len() == 0 {
			t.Errorf("-o %s writes\n%s\nand then\n%s", o.Name, first.String(), second.String())
		}
	}
}
