// SPDX-License-Identifier: Apache-2.0

// Package report shows what benchmarks have measured: as a table to read, as JSON to
// keep, and as the picture and the tables of the documentation, which are made from that
// JSON alone. The same report always gives the same text and the same picture.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/caseharden/caseharden/e2e/bench/apiserver"
	"github.com/caseharden/caseharden/e2e/bench/direct"
)

// A Report is all that was measured, and on what.
type Report struct {
	Date     time.Time `json:"date"`
	Machine  Machine   `json:"machine"`
	Versions Versions  `json:"versions"`

	// What was not measured is nil.
	Direct    *direct.Result    `json:"direct,omitempty"`
	APIServer *apiserver.Result `json:"apiserver,omitempty"`
}

// Machine is what everything ran on.
type Machine struct {
	OS    string `json:"os"`
	Arch  string `json:"arch"`
	CPU   string `json:"cpuModel"`
	Cores int    `json:"cores"`
}

// Versions are those of what is compared.
type Versions struct {
	Go                string `json:"go"`
	Caseharden        string `json:"caseharden"` // the commit
	ControllerRuntime string `json:"controllerRuntime"`
	Kubernetes        string `json:"kubernetes,omitempty"` // of the API server
}

// Load reads a report.
func Load(file string) (*Report, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	r := &Report{}
	if err := decoder.Decode(r); err != nil {
		return nil, fmt.Errorf("%s: is not what bench --json writes: %w", file, err)
	}
	if r.Direct == nil && r.APIServer == nil {
		return nil, fmt.Errorf("%s: nothing was measured", file)
	}
	return r, nil
}

// Save writes the report.
func (r *Report) Save(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// kind returns what was measured directly with reviews of that kind; nil if nothing was.
func (r *Report) kind(name string) *direct.Kind {
	if r.Direct == nil {
		return nil
	}
	for i := range r.Direct.Kinds {
		if r.Direct.Kinds[i].Name == name {
			return &r.Direct.Kinds[i]
		}
	}
	return nil
}

// figure writes a number as people read it, with some three digits.
func figure(v float64) string {
	switch a := max(v, -v); {
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
