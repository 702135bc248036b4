// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// The documentation names the versions of Helm that the tests run.
func TestDocumentedVersions(t *testing.T) {
	document, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"helm", "helm3"} {
		module, err := os.ReadFile("../testbed/tools/" + dir + "/go.mod")
		if err != nil {
			t.Fatal(err)
		}
		version := regexp.MustCompile(`helm.sh/helm/v[34] v(\S+)`).FindSubmatch(module)
		if version == nil {
			t.Fatalf("%s/go.mod has no Helm", dir)
		}
		if want := "Helm " + string(version[1]); !strings.Contains(string(document), want) {
			t.Errorf("docs/operations.md does not name %s", want)
		}
	}
}

// The README names the directory of the programs that the tests compile.
func TestDocumentedCache(t *testing.T) {
	t.Setenv("HOME", "/home/user")
	t.Setenv("XDG_CACHE_HOME", "/home/user/.cache")
	dir, err := gobuild.BinDir()
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	if cache := "~" + strings.TrimPrefix(filepath.Dir(dir), home); runtime.GOOS == "linux" && !strings.Contains(string(readme), "`"+cache+"`") {
		t.Errorf("README.md does not name %s", cache)
	}
}
