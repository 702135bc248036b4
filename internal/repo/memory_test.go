// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"os"
	"regexp"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/caseharden/caseharden/internal/server"
)

// The chart goes by what the server keeps in memory at most.
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
}
