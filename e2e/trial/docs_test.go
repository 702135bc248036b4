// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package trial

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

var update = flag.Bool("update", false, "record the run in docs/trial.md again")

// The run that docs/trial.md shows is one that took place: what it reports is what the
// command reports now, but for times and digests. In which order copies end, and which are given
// up, differs from run to run.
func TestRecordedRun(t *testing.T) {
	root, err := gobuild.RepositoryDir()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "docs", "trial.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const fence = "```console recorded\n"
	before, rest, found := strings.Cut(string(text), fence)
	recorded, after, ended := strings.Cut(rest, "```\n")
	if !found || !ended {
		t.Fatalf("%s: has no recorded run", file)
	}
	ns := bedtest.Namespace(t, c, "shop", nil)
	bedtest.Apply(t, c, ns, deployment(rootImage, `"-write=/run/app.pid,/tmp/app.lock"`))
	if _, err := c.Pod(t.Context(), ns, "app=app"); err != nil {
		t.Fatal(err)
	}
	cmd := command("trial", "deployment/app", "-n", ns, "--yes")
	var all, stdout bytes.Buffer
	cmd.Stderr, cmd.Stdout = &all, &stdout
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 2 {
		t.Fatalf("%v\n%s%s", err, &all, &stdout)
	}
	ran := strings.ReplaceAll(all.String(), "https://127.0.0.1:443", "https://cluster.example.com:6443") + "\n" + stdout.String()
	if *update {
		if err := os.WriteFile(file, []byte(before+fence+ran+"```\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(reported(recorded), reported(ran)); diff != "" {
		t.Errorf("run the test with -update (-recorded +now):\n%s", diff)
	}
}

// reported returns the part of a run that is the same in each.
func reported(run string) string {
	_, report, _ := strings.Cut(run, "\nDeployment ")
	report = regexp.MustCompile(`sha256:[0-9a-f]+`).ReplaceAllString(report, "sha256:…")
	report = regexp.MustCompile(`\(\d+ s\)`).ReplaceAllString(report, "(N s)")
	report = regexp.MustCompile(`(?m)^\d+ copies ran`).ReplaceAllString(report, "N copies ran")
	return regexp.MustCompile(`(?m)^On node .*;`).ReplaceAllString(report, "On node N;")
}
