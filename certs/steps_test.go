// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func stepNames(steps []step) []string {
	var names []string
	for _, s := range steps {
		names = append(names, string(s))
	}
	slices.Sort(names)
	return names
}

// The tables of steps in the documents list each step once.
func TestStepsAreDocumented(t *testing.T) {
	code := regexp.MustCompile("`([a-z]+)`")
	for _, path := range []string{"../docs/certificates.md", "../docs/alerts.md"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		_, table, _ := strings.Cut(string(text), "\n| step |")
		table, _, _ = strings.Cut(table, "\n\n")
		for row := range strings.Lines(table) {
			cell, _, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
			for _, match := range code.FindAllStringSubmatch(cell, -1) {
				got = append(got, match[1])
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(stepNames(slices.Concat(filesSteps, managedSteps)), got); diff != "" {
			t.Errorf("the table of steps in %s (-want +got):\n%s", path, diff)
		}
	}
}

// The steps in the log are steps of the metric, and each step of the metric is there from
// the start.
func TestStepsOfLogAndMetric(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newMemoryAPI(1)
		r := startReplica(t, api)
		all := stepNames(slices.Concat(filesSteps, managedSteps))
		for _, s := range all {
			if n := r.value(t, "caseharden_certificate_errors_total", s); n != 0 {
				t.Errorf("%v errors of the step %s at the start", n, s)
			}
		}
		after(time.Minute)
		api.change(func() { api.setSecret(forge(api.secret)) })
		after(time.Second)
		api.change(func() { api.setSecret(nil) })
		after(testLifetime)
		api.change(func() { api.ahead = year })
		api.breakWatches()
		after(time.Minute)
		seen := map[string]bool{}
		for line := range strings.Lines(r.log.String()) {
			var attributes struct{ Step string }
			if err := json.Unmarshal([]byte(line), &attributes); err != nil {
				t.Fatal(err)
			}
			if s := attributes.Step; s != "" && !slices.Contains(all, s) {
				t.Errorf("the step %q is in the log only: %s", s, line)
			}
			seen[attributes.Step] = true
		}
		for _, s := range []step{stepClock, stepWatch, stepRestore, stepGenerate, stepPublish, stepPromote, stepServe, stepClean} {
			if !seen[string(s)] {
				t.Errorf("the step %s is not in the log:\n%s", s, r.log.String())
			}
		}
	})
}

// The package does not know the flags of the command that uses it.
func TestNoFlagNames(t *testing.T) {
	flag := regexp.MustCompile(`\B--[a-z]`)
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("files %q, %v", files, err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if flag.MatchString(line) && !strings.HasSuffix(path, "_test.go") {
				t.Errorf("%s names a flag: %s", path, line)
			}
		}
	}
}
