// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
)

// A hazard is what a setting may break, as caseharden preview reports it.
type hazard struct {
	ID, Container, What string
}

// hazardFields are the settings that cause the hazards of legacy.yaml.
var hazardFields = map[string]string{
	"added-capabilities-non-root": "runAsUser",
	"privileged-non-root":         "runAsUser",
	"read-only-root":              "readOnlyRootFilesystem",
	"root-loses-capabilities":     "capabilities.drop",
}

// readHazards runs caseharden preview on the legacy Pod and returns the hazards by
// container.
func readHazards(ctx context.Context, binary string) (map[string][]hazard, error) {
	var stdout, stderr bytes.Buffer
	preview := exec.CommandContext(ctx, binary, "preview", "--filename=-", "--profile=hardened", "--output=json")
	preview.Stdin, preview.Stdout, preview.Stderr = bytes.NewReader(legacyYAML), &stdout, &stderr
	if err := preview.Run(); err != nil {
		return nil, fmt.Errorf("caseharden preview: %w: %s", err, &stderr)
	}
	var report struct{ Workloads []struct{ Findings []hazard } }
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		return nil, fmt.Errorf("caseharden preview: %w", err)
	}
	hazards := map[string][]hazard{}
	for _, w := range report.Workloads {
		for _, h := range w.Findings {
			hazards[h.Container] = append(hazards[h.Container], h)
		}
	}
	return hazards, nil
}
