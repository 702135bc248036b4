// SPDX-License-Identifier: Apache-2.0

//go:build linux

package judge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
	"github.com/caseharden/caseharden/e2e/testbed/debian"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// A Result is what was measured: docs/evidence.json.
type Result struct {
	Commit  string         `json:"commit"`
	Date    string         `json:"date"`
	Sources []SourceResult `json:"sources"`
	Profile *ProfileResult `json:"profile,omitempty"`
}

// A SourceResult is how the preview does with a source of evidence.
type SourceResult struct {
	Name    string `json:"name"`
	All     Score  `json:"all"`
	HeldOut Score  `json:"heldOut"` // of these, the applications that no rule was written for
}

// A ProfileResult is what became of the applications under the profile that the preview
// writes, in a cluster that enforces it.
type ProfileResult struct {
	Commit string   `json:"commit"`
	Date   string   `json:"date"`
	Apps   int      `json:"apps"`
	Serve  int      `json:"serve"`
	Kept   int      `json:"kept"`   // settings in effect, over the applications that serve
	Fail   []string `json:"fail"`   // those that do not serve, and how
	Before int      `json:"before"` // how many serve under profile hardened
}

// Find scores one source over the applications.
func (s Source) Score(ctx context.Context, binary string, apps []catalogue.App, truths []catalogue.AppTruth, image func(catalogue.App) (debian.Image, error)) (SourceResult, error) {
	result := SourceResult{Name: s.Name}
	found, err := s.Find(ctx, binary, apps, image)
	if err != nil {
		return result, err
	}
	for _, truth := range truths {
		if !slices.ContainsFunc(apps, func(a catalogue.App) bool { return a.Name == truth.Name }) {
			continue
		}
		score := Judge(truth, found[truth.Name])
		result.All.Add(score)
		if truth.HeldOut {
			result.HeldOut.Add(score)
		}
	}
	return result, nil
}

func file() (string, error) {
	root, err := gobuild.RepositoryDir()
	return filepath.Join(root, "docs", "evidence.json"), err
}

// ReadResult reads what was measured. If nothing was, it returns an empty Result.
func ReadResult() (r Result, err error) {
	name, err := file()
	if err != nil {
		return r, err
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// Write writes what was measured.
func (r Result) Write() error {
	name, err := file()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}
