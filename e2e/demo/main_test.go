// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The demo ends without an error, and what it shows is plain: nothing that may break the
// application is green, and where a user can go on is printed.
func TestDemo(t *testing.T) {
	t.Setenv("DEMO_EXIT", "1")
	var output bytes.Buffer
	if err := run(t.Context(), &printer{w: &output, colour: true}); err != nil {
		t.Fatalf("%v\n%s", err, &output)
	}
	text := output.String()
	for _, want := range []string{
		"make demo-cluster",
		"$ kubectl label namespace plain caseharden.io/enforce=hardend\n",
		"caseharden.io/enforce=hardend names no profile that is installed: there are compatible, hardened, restricted",
		"\x1b[32mreadOnlyRootFilesystem: true\x1b[0m", // log-shipper, which has volumes at /tmp and /run
		"\x1b[33mreadOnlyRootFilesystem: true\x1b[0m\n    \x1b[31m?\x1b[0m \x1b[31mread-only-root: ",
		"\x1b[33mrunAsUser: 10001\x1b[0m\n    \x1b[31m?\x1b[0m \x1b[31mprivileged-non-root: ",
		"4 of 6 containers have hazards.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the demo does not print %q", want)
		}
	}
	if green := "\x1b[32m"; regexp.MustCompile(regexp.QuoteMeta(green) + `[^\x1b]*\x1b\[0m\n    \x1b\[31m\?`).MatchString(text) {
		t.Error("a setting with a hazard is green")
	}
	kubectl := regexp.MustCompile(`kubectl for this cluster is (.*)\n`).FindStringSubmatch(text)
	if kubectl == nil {
		t.Fatal("the demo does not print where its kubectl is")
	}
	if _, err := os.Stat(kubectl[1]); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"read-only-root", "added-capabilities-non-root", "privileged-non-root", "root-loses-capabilities"} {
		if !strings.Contains(text, fmt.Sprintf("\x1b[31m%s: ", want)) {
			t.Errorf("the demo does not show the hazard %s", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
