// SPDX-License-Identifier: Apache-2.0

package html

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// hostile are texts that a page might take for more than text.
var hostile = []string{
	`<script>alert(1)</script>`,
	`</script><img src=x onerror=alert(1)>`,
	`</style><style>*{display:none}</style>`,
	`"'><b onmouseover='alert(1)'>`,
	"`${alert(1)}`",
	`javascript:alert(1)`,
	`{{.}} <!-- ]]> &amp; &#60;`,
	`https://example.com/x.js`,
	strings.Repeat("very-long-name-", 17)[:253],
	"שלום עולם",
	"🚀 日本語",
	"a\tb c",
}

// Whatever a manifest holds is shown as it is, and changes nothing else.
func TestPageEscapes(t *testing.T) {
	t.Parallel()
	for _, s := range hostile {
		document := render(t, reportOf(s))
		if got, want := elements(document), elements(render(t, reportOf("x"))); !slices.Equal(got, want) {
			t.Errorf("%q makes other elements than x:\n got %s\nwant %s", s, got, want)
		}
		item := workloadItems(t, document)[0]
		// 3 in the title, 2 of the source, why it is excluded, 3 of each of two decisions,
		// 3 of the container, 4 of the hazard and what is missing.
		if got, want := strings.Count(textOf(item), s), 20; got != want {
			t.Errorf("%q is shown %d times in its workload, want %d", s, got, want)
		}
		for _, place := range []string{"errors", "hazards"} {
			if !strings.Contains(textOf(first(t, document, withClass(place))), s) {
				t.Errorf("%q is not among the %s", s, place)
			}
		}
	}
}

// reportOf has the same text wherever a manifest or a profile has a say.
func reportOf(s string) *preview.Report {
	decisions := []preview.Decision{{Field: s, Outcome: "inject", Reason: "exception", Because: s, Value: raw(s)}}
	return &preview.Report{
		Profile: s,
		Summary: preview.Summary{Objects: 1, Workloads: 1, Fields: []preview.FieldSummary{{Field: s}}, Findings: []preview.FindingSummary{{ID: s, Title: s}}},
		Workloads: []preview.Workload{{
			File: s, APIVersion: s, Kind: s, Namespace: s, Name: s, Pod: decisions,
			Containers:  []preview.Container{{Name: s, Type: "init", Image: s, WritablePaths: []string{s}, Decisions: decisions}},
			Findings:    []evidence.Finding{{ID: s, Container: s, What: s, Fix: s}},
			PodSecurity: &preview.PodSecurity{Before: "x", After: "x", Missing: []string{s}},
			Excluded:    s,
		}},
		Errors: []manifest.Error{{File: s, Message: s}},
	}
}

func elements(document *html.Node) []string {
	var names []string
	for _, n := range all(document, func(*html.Node) bool { return true }) {
		name := n.Data
		for _, a := range n.Attr {
			name += " " + a.Key
		}
		names = append(names, name)
	}
	return names
}

// Characters that turn the direction of what is around them are spelt out.
func TestPageShowsDirectionControls(t *testing.T) {
	t.Parallel()
	page := renderText(t, reportOf("registry.example/\u202egpj.exe\u2069"))
	if strings.ContainsFunc(page, text.IsDirectionControl) {
		t.Error("the page has a character that turns the direction of the text around it")
	}
	if want := `registry.example/\u202egpj.exe\u2069`; !strings.Contains(page, want) {
		t.Errorf("the page does not hold %s", want)
	}
}

var (
	address    = regexp.MustCompile(`(?i)https?:|//[a-z]`)
	styleLoads = regexp.MustCompile(`(?i)@import|@font-face|url\([^#]|image-set|\bsrc\(`)
	scriptDoes = regexp.MustCompile(`\b(fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|import|eval|Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|createElement|setTimeout\(['"])\b`)
)

// The page is whole in itself: it loads nothing, and forbids it apart from.
func TestPageLoadsNothing(t *testing.T) {
	t.Parallel()
	page := renderText(t, sampleReport())
	if found := address.FindAllString(page, -1); found != nil {
		t.Errorf("the page has addresses: %q", found)
	}
	if found := styleLoads.FindAllString(pageCSS, -1); found != nil {
		t.Errorf("the style loads: %q", found)
	}
	if found := scriptDoes.FindAllString(pageJS, -1); found != nil {
		t.Errorf("the script uses what it has no need for: %q", found)
	}

	document := render(t, sampleReport())
	for _, n := range all(document, func(*html.Node) bool { return true }) {
		switch n.DataAtom {
		case atom.Link, atom.Img, atom.Iframe, atom.Object, atom.Embed, atom.Base, atom.Video, atom.Audio, atom.Source:
			t.Errorf("the page has an element <%s>", n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "src", a.Key == "style", a.Key == "action", strings.HasPrefix(a.Key, "on"):
				t.Errorf("<%s> has an attribute %s, which the policy forbids", n.Data, a.Key)
			case a.Key == "href" && !strings.HasPrefix(a.Val, "#"):
				t.Errorf("a link leads away from the page: %q", a.Val)
			}
		}
	}

	policy, _ := attr(first(t, document, withAttr("http-equiv", "Content-Security-Policy")), "content")
	styles, scripts := all(document, tagged(atom.Style)), all(document, tagged(atom.Script))
	if len(styles) != 1 || len(scripts) != 1 {
		t.Fatalf("the page has %d styles and %d scripts, want one each", len(styles), len(scripts))
	}
	want := "default-src 'none'; style-src " + hashSource(rawText(styles[0])) + "; script-src " + hashSource(rawText(scripts[0])) +
		"; base-uri 'none'; form-action 'none'"
	if policy != want {
		t.Errorf("policy = %q, want that of what is on the page, %q", policy, want)
	}
}

func TestPageIsDeterministic(t *testing.T) {
	t.Parallel()
	want := renderText(t, sampleReport())
	for range 5 {
		if renderText(t, sampleReport()) != want {
			t.Fatal("the same report made two pages")
		}
	}
}

func TestPageSaysThatItCannotBeWritten(t *testing.T) {
	t.Parallel()
	err := Write(fullDisk{}, sampleReport())
	if !errors.Is(err, errFullDisk) {
		t.Errorf("err = %v, want %v", err, errFullDisk)
	}
}

var errFullDisk = errors.New("no space left")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFullDisk }

// A cluster of 5,000 workloads makes a page that can still be sent by mail.
func TestPageOfManyWorkloadsIsSmall(t *testing.T) {
	t.Parallel()
	const most = 10 << 20
	if got := len(renderText(t, bigReport(5000))); got > most {
		t.Errorf("the page has %d bytes, want at most %d", got, most)
	}
}

func BenchmarkPage(b *testing.B) {
	r := bigReport(5000)
	for b.Loop() {
		var page strings.Builder
		if err := Write(&page, r); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(page.Len())/1e6, "MB")
	}
}
