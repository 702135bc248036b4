// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The demo shows what the webhook really answers, within a terminal of 80 by 24.
func TestDemo(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "caseharden")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, "../..")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	const file = "../../e2e/demo/legacy.yaml"
	pod, err := readPod(file)
	if err != nil {
		t.Fatal(err)
	}
	w, err := start(t.Context(), binary)
	if err != nil {
		t.Fatal(err)
	}
	defer w.stop()
	a, err := w.review(t.Context(), pod)
	if err != nil {
		t.Fatal(err)
	}
	findings, err := preview(t.Context(), binary, file)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := show(&out, "bin/caseharden", "e2e/demo/legacy.yaml", pod, a, findings); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"migrate      6    -                read-only-root",
		"node-agent   3    3: privileged    privileged-non-root, read-only-root",
		"modern       0    -                -",
		" +   readOnlyRootFilesystem: true\n     runAsUser: 0\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output has no %q:\n%s", want, &out)
		}
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) > 24 {
		t.Errorf("%d lines, want at most 24", len(lines))
	}
	for _, line := range lines {
		if len(line) > 80 {
			t.Errorf("a line of %d columns: %s", len(line), line)
		}
	}
}

// A webhook that does not start is an error with its log.
func TestNoWebhook(t *testing.T) {
	t.Parallel()
	if _, err := start(t.Context(), "false"); err == nil || !strings.Contains(err.Error(), "caseharden serve: exit status 1") {
		t.Errorf("error %v", err)
	}
}
