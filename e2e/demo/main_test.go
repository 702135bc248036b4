// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The demo ends without an error. It shows the warnings, the label guard and the picture, and
// its last screen, from the picture on, fits a terminal of 80 by 24.
func TestDemo(t *testing.T) {
	t.Setenv("DEMO_EXIT", "1")
	var output bytes.Buffer
	if err := run(t.Context(), &printer{w: &output}); err != nil {
		t.Fatalf("%v\n%s", err, &output)
	}
	text := output.String()
	for _, want := range []string{
		"$ kubectl create -n preview -f - < e2e/demo/legacy.yaml\nWarning: caseharden: ",
		"\n(4 more warnings)\npod/legacy created\n",
		"$ kubectl label namespace plain caseharden.io/enforce=hardend\n",
		" + readOnlyRootFilesystem: true\n   runAsNonRoot: skipped (runs-as-root)\n   runAsUser: 0 (set by the author)\n",
		"make demo-cluster",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the demo does not print %q", want)
		}
	}
	kubectl := regexp.MustCompile(`alias kubectl=(.*)\n`).FindStringSubmatch(text)
	if kubectl == nil {
		t.Fatal("the demo does not print where its kubectl is")
	}
	if _, err := os.Stat(kubectl[1]); err != nil {
		t.Error(err)
	}
	_, screen, _ := strings.Cut(text, "\n4. ")
	if lines := strings.Count(screen, "\n"); lines > 24 {
		t.Errorf("the last screen has %d lines, want at most 24", lines)
	}
	_, acts, _ := strings.Cut(text, "\n1. ")
	for line := range strings.Lines(acts) {
		if len(line) > 81 && !strings.Contains(line, "export KUBECONFIG=") && !strings.Contains(line, "alias kubectl=") {
			t.Errorf("a line of %d columns: %s", len(line)-1, line)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
