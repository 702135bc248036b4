// SPDX-License-Identifier: Apache-2.0

package status

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/status.md names every state and every finding, and none that is gone.
func TestDocument(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../docs/status.md")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, file := range []string{"suspect.go", "findings.go", "install.go", "waste.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	var want []string
	for _, s := range States() {
		want = append(want, string(s))
	}
	for _, m := range regexp.MustCompile(`(?:suspicion\{|problem\(|Problem\{|\.ID, \S+ = |ID: )"([a-z-]+)"`).FindAllStringSubmatch(source.String(), -1) {
		want = append(want, m[1])
	}
	if len(want) < 30 {
		t.Errorf("only %d words were found", len(want))
	}
	for _, word := range want {
		if !strings.Contains(string(document), "`"+word+"`") {
			t.Errorf("docs/status.md does not name %s", word)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[a-z-]+`(?:, `[a-z-]+`)*) \\|").FindAllStringSubmatch(string(document), -1) {
		for word := range strings.SplitSeq(strings.ReplaceAll(row[1], "`", ""), ", ") {
			if !slices.Contains(want, word) && !slices.Contains([]string{"-o", "table", "json", "html", "junit", "sarif", "policyreport", "openreports"}, word) {
				t.Errorf("docs/status.md names %s, which is gone", word)
			}
		}
	}
}
