// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/preview"
)

// The table and the page name the exceptions that somebody should look at again: the overdue
// ones first, and a bounded number.
func TestNotices(t *testing.T) {
	r := everyFinding()
	for i := range 20 {
		r.Notices = append(r.Notices, preview.Notice{Kind: preview.Unused, Place: fmt.Sprintf("own.yaml:%d", 10+i), Reason: "is root", Text: "no workload needs it"})
	}
	r.Notices = append(r.Notices, preview.Notice{Kind: preview.Overdue, Place: "own.yaml:7", Reason: "unpacks \x1b[2J", Owner: "team <web>", Text: "review it"})
	for output, want := range map[string][]string{
		"table": {"NOTICES\n  - own.yaml:7: review it (reason: unpacks \\u001b[2J; owner: team <web>)\n  - own.yaml:10: ", "  - and 11 more: -o json\n"},
		"html":  {"own.yaml:7: review it (reason: unpacks \\u001b[2J; owner: team &lt;web&gt;)", "and 11 more"},
	} {
		for _, s := range []Style{{}, {Summary: true}} {
			var b bytes.Buffer
			if err := Write(&b, r, output, s); err != nil {
				t.Fatal(err)
			}
			for _, text := range want {
				if !strings.Contains(b.String(), text) {
					t.Errorf("-o %s, summary %t: no %q in\n%s", output, s.Summary, text, b.String())
				}
			}
			if n := strings.Count(b.String(), "(reason: "); n != 10 {
				t.Errorf("-o %s: %d notices are shown, want 10", output, n)
			}
		}
	}
	r.Notices, r.Workloads = r.Notices[20:], []preview.Workload{}
	r.Summary = preview.Summarize(r.Workloads)
	for _, output := range []string{"table", "html"} {
		var b bytes.Buffer
		if err := Write(&b, r, output, Style{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "own.yaml:7: review it") || strings.Contains(b.String(), " more") {
			t.Errorf("-o %s without workloads:\n%s", output, b.String())
		}
	}
	r.Notices = []preview.Notice{}
	for output, heading := range map[string]string{"table": "NOTICES", "html": ">Notices<"} {
		var b bytes.Buffer
		if err := Write(&b, r, output, Style{}); err != nil || strings.Contains(b.String(), heading) {
			t.Errorf("-o %s without notices: %v\n%s", output, err, b.String())
		}
	}
}
