// SPDX-License-Identifier: Apache-2.0

//go:build linux

package judge

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

var update = flag.Bool("update", false, "rewrite the tables of docs/evidence.md")

// TestPageIsCurrent demands that docs/evidence.md shows what was measured.
func TestPageIsCurrent(t *testing.T) {
	result, err := ReadResult()
	if err != nil {
		t.Fatal(err)
	}
	truth, err := catalogue.ReadTruth()
	if err != nil {
		t.Fatal(err)
	}
	root, err := gobuild.RepositoryDir()
	if err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(root, "docs", "evidence.md")
	before, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	after := string(before)
	for name, text := range Tables(result, truth) {
		begin, end := fmt.Sprintf("<!-- %s: made by make test-apps -->\n", name), fmt.Sprintf("<!-- end of %s -->", name)
		head, rest, found := strings.Cut(after, begin)
		_, tail, ends := strings.Cut(rest, end)
		if !found || !ends {
			t.Fatalf("%s: nothing between %q and %q", page, begin, end)
		}
		after = head + begin + text + end + tail
	}
	if *update {
		err = os.WriteFile(page, []byte(after), 0o644)
	} else if diff := cmp.Diff(after, string(before)); diff != "" {
		t.Errorf("%s is stale: run go test ./apps/judge -update in e2e (-want +got):\n%s", page, diff)
	}
	if err != nil {
		t.Fatal(err)
	}
}
