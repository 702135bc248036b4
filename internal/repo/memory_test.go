// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/caseharden/caseharden/internal/server"
)

// The chart and the documents go by what the server keeps in memory at most.
func TestMemoryFigure(t *testing.T) {
	values, err := os.ReadFile("deploy/chart/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^goMemoryLimit: (\d+)MiB$`).FindSubmatch(values)
	if found == nil {
		t.Fatal("values.yaml has no goMemoryLimit")
	}
	limit := resource.MustParse(string(found[1]) + "Mi")
	if limit.Value() < server.MaxMemory {
		t.Errorf("goMemoryLimit %s is below the %d bytes that the server may keep", found[1], server.MaxMemory)
	}
	operations, err := os.ReadFile("docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if row := fmt.Sprintf("| together | %.0f MiB |", float64(server.MaxMemory)/(1<<20)); !strings.Contains(string(operations), row) {
		t.Errorf("docs/operations.md has no row %q", row)
	}
}
