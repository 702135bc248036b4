// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package trial

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

// tableOf is the table of docs/trial.md that record writes.
var tableOf = regexp.MustCompile(`(?s)(\| application \|[^\n]*\n\|[-|]*\n)(.*?)\n\n`)

// record writes what was found into the table of docs/trial.md: a row for each application
// that ran. The others stay.
func record(t *testing.T, apps []catalogue.App, found map[string]result) {
	t.Helper()
	root, err := gobuild.RepositoryDir()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "docs", "trial.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := tableOf.FindSubmatchIndex(text)
	if at == nil {
		t.Fatalf("%s: has no table of applications", file)
	}
	commit, err := exec.Command("git", "-C", root, "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for row := range strings.Lines(string(text[at[4]:at[5]])) {
		if fields := strings.Split(row, "|"); len(fields) > 1 {
			rows[strings.TrimSpace(fields[1])] = strings.TrimSpace(row)
		}
	}
	for _, app := range apps {
		r, ran := found[app.Name]
		if !ran {
			continue
		}
		var instead []string
		for _, s := range r.report.Settings {
			if s.Instead != "" && !slices.Contains(instead, s.Instead) {
				instead = append(instead, s.Instead)
			}
		}
		rows[app.Name] = fmt.Sprintf("| %s | %s | %d | %d s | %s |", app.Name, cmp.Or(strings.Join(instead, "; "), "nothing"),
			len(r.report.Runs), int(r.took.Round(time.Second).Seconds()), strings.TrimSpace(string(commit)))
	}
	var all []string
	for _, name := range sorted(rows) {
		all = append(all, rows[name])
	}
	written := string(text[:at[4]]) + strings.Join(all, "\n") + string(text[at[5]:])
	if err := os.WriteFile(file, []byte(written), 0o644); err != nil {
		t.Fatal(err)
	}
}

func sorted(rows map[string]string) []string {
	var names []string
	for name := range rows {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
