// SPDX-License-Identifier: Apache-2.0

//go:build linux

package judge

import (
	"os"
	"testing"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
	"github.com/caseharden/caseharden/e2e/product/webhook"
)

// TestPreviewIsNotWorse demands that the preview finds as much as it did when docs/evidence.json
// was written, as far as that can be seen without images.
func TestPreviewIsNotWorse(t *testing.T) {
	binary, err := webhook.Compile(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	result, err := ReadResult()
	if err != nil {
		t.Fatal(err)
	}
	truth, err := catalogue.ReadTruth()
	if err != nil {
		t.Fatal(err)
	}
	apps, err := catalogue.Load()
	if err != nil {
		t.Fatal(err)
	}
	for i, source := range Sources {
		if source.Images {
			continue
		}
		got, err := source.Score(t.Context(), binary, apps, truth.Apps, nil)
		if err != nil {
			t.Fatal(err)
		}
		before := result.Sources[i].All
		if after := got.All; after.Recall() < before.Recall() || after.Precision() < before.Precision() || after.BreaksRight < after.Breaks && before.BreaksRight == before.Breaks {
			t.Errorf("%s: recall %.2f, precision %.2f, breaks right %d of %d; before it was %.2f, %.2f, %d of %d. "+
				"If that is wanted, record it: go run ./apps/score -record in e2e, as root",
				source.Name, after.Recall(), after.Precision(), after.BreaksRight, after.Breaks,
				before.Recall(), before.Precision(), before.BreaksRight, before.Breaks)
		}
	}
}
