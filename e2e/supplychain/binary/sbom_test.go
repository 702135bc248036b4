// SPDX-License-Identifier: Apache-2.0

package binary

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// make sbom lists what is in the binary, each time the same.
func TestSBOM(t *testing.T) {
	dir := t.TempDir() // so that what a user has built stays
	if err := copySource(dir); err != nil {
		t.Fatal(err)
	}
	sbom := func(name string) []byte {
		file := filepath.Join(t.TempDir(), name)
		cmd := exec.CommandContext(t.Context(), "make", "--no-print-directory", "sbom", "REVISION=test", "SBOM="+file)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "MAKEFLAGS=")
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("make sbom: %s\n%s", err, output)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	text := sbom("one.json")
	var got struct {
		BOMFormat, SpecVersion string
		Metadata               struct{ Component component }
		Components             []component
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.BOMFormat != "CycloneDX" || got.SpecVersion == "" {
		t.Errorf("it is a %q of version %q", got.BOMFormat, got.SpecVersion)
	}
	if c := got.Metadata.Component; c.Name != "github.com/caseharden/caseharden" || c.Version != "v"+chartVersion(t) {
		t.Errorf("it is of %s %s", c.Name, c.Version)
	}
	var components []string
	for _, c := range got.Components {
		if c.Name == "std" {
			continue // of the Go that has built it
		}
		components = append(components, c.Name+" "+c.Version)
		if !strings.HasPrefix(c.PURL, fmt.Sprintf("pkg:golang/%s@%s", c.Name, c.Version)) {
			t.Errorf("%s has the package URL %q", c.Name, c.PURL)
		}
	}
	if diff := cmp.Diff(linked(t), components); diff != "" {
		t.Errorf("components (-linked +listed):\n%s", diff)
	}
	if diff := cmp.Diff(string(text), string(sbom("two.json"))); diff != "" {
		t.Errorf("once more it is another (-one +two):\n%s", diff)
	}
}

// A component is one of CycloneDX.
type component struct{ Name, Version, PURL string }

// chartVersion returns the version that make build gives the binary.
func chartVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "deploy", "chart", "Chart.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if version, found := strings.CutPrefix(line, "appVersion:"); found {
			return strings.Trim(strings.TrimSpace(version), `"`)
		}
	}
	t.Fatal("Chart.yaml has no appVersion")
	return ""
}
