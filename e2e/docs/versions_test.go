// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"
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
