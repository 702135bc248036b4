// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/manifest"
)

// The elements of a JUnit report that CI systems read.
type (
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Failure *junitProblem `xml:"failure"`
		Error   *junitProblem `xml:"error"`
		Skipped *junitSkipped `xml:"skipped"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
)

// writeJUnit writes a test suite for each workload, with a test case for each setting of the
// profile. A setting that breaks the workload is a failure; with a least severity, so is one
// at such a risk. A setting that would not be injected is skipped.
func writeJUnit(w io.Writer, r *preview.Report, _ Style) error {
	j := junitWriter{report: r, classes: map[string]int{}}
	total := junitSuite{}
	var suites []junitSuite
	for _, workload := range preview.ByRisk(r.Workloads) {
		suites = append(suites, j.suite(workload))
	}
	if len(r.Errors) > 0 {
		suites = append(suites, j.errors())
	}
	for _, s := range suites {
		total.Tests, total.Failures, total.Errors, total.Skipped = total.Tests+s.Tests, total.Failures+s.Failures, total.Errors+s.Errors, total.Skipped+s.Skipped
	}
	out := newPrinter(w)
	out.text([]byte(xml.Header))
	out.Line(`<testsuites name="caseharden preview, profile %s" tests="%d" failures="%d" errors="%d" skipped="%d">`, r.Profile, total.Tests, total.Failures, total.Errors, total.Skipped)
	for _, s := range suites {
		text, err := xml.MarshalIndent(s, "  ", "  ")
		if err != nil {
			return err
		}
		out.text(append(text, '\n'))
	}
	out.Line("</testsuites>")
	return out.Err
}

type junitWriter struct {
	report  *preview.Report
	classes map[string]int
}

// suite returns the test suite of a workload. Its name is that of no other suite, since CI
// systems take two cases of the same name for one.
func (j *junitWriter) suite(w *preview.Workload) junitSuite {
	s := junitSuite{Name: where(w, "")}
	if j.classes[s.Name]++; j.classes[s.Name] > 1 {
		s.Name += fmt.Sprintf(" (%d)", j.classes[s.Name])
	}
	file := manifest.ShownName(w.File)
	if w.Excluded != "" {
		s.add(junitCase{Class: s.Name, Name: "excluded", File: file, Skipped: &junitSkipped{text.Visible(w.Excluded)}})
		return s
	}
	named := map[int]bool{} // findings
	for _, field := range j.report.Summary.Fields {
		s.add(j.setting(w, s.Name, file, field.Field, named))
	}
	for i := range w.Findings {
		if f := &w.Findings[i]; !named[i] && j.fails(f.Verdict, f.Severity) {
			s.add(junitCase{Class: s.Name, Name: text.Visible(f.ID), File: file, Failure: problem([]*evidence.Finding{f}, f.Verdict)})
		}
	}
	return s
}

// setting returns the test case of one setting, over all containers.
func (j *junitWriter) setting(w *preview.Workload, class, file, field string, named map[int]bool) junitCase {
	c := junitCase{Class: class, Name: field, File: file}
	var worst *preview.Decision
	var reasons []string
	w.EachDecision(func(d preview.Decision) {
		switch {
		case d.Field != field:
		case defaults.Outcome(d.Outcome) != defaults.Inject:
			if !slices.Contains(reasons, d.Reason) {
				reasons = append(reasons, d.Reason)
			}
		case worst == nil || cellRank(d) > cellRank(*worst):
			worst = &d
		}
	})
	if worst == nil {
		c.Skipped = &junitSkipped{"not injected: " + strings.Join(reasons, ", ")}
		return c
	}
	var findings []*evidence.Finding
	for i := range w.Findings {
		if f := &w.Findings[i]; slices.Contains(f.Settings, field) {
			findings, named[i] = append(findings, f), true
		}
	}
	if j.fails(worst.Verdict, worst.Severity) {
		c.Failure = problem(findings, worst.Verdict)
		return c
	}
	c.Output = markOf(worst.Verdict, worst.Severity).meaning
	if lines := problem(findings, worst.Verdict).Text; lines != "" {
		c.Output += "\n" + lines
	}
	return c
}

// fails reports whether a verdict is a failure.
func (j *junitWriter) fails(v evidence.Verdict, s evidence.Severity) bool {
	return v == evidence.Breaks || v == evidence.Risk && j.report.MinSeverity != "" && preview.Rank(v, s) >= preview.Rank(v, j.report.MinSeverity)
}

// problem writes findings as a failure, the worst first.
func problem(findings []*evidence.Finding, verdict evidence.Verdict) *junitProblem {
	findings = slices.Clone(findings)
	slices.SortStableFunc(findings, func(a, b *evidence.Finding) int {
		return preview.Rank(b.Verdict, b.Severity) - preview.Rank(a.Verdict, a.Severity)
	})
	p := &junitProblem{Type: string(verdict)}
	var lines []string
	for _, f := range findings {
		line := text.Visible(f.ID) + ": " + capitalized(text.Visible(f.What))
		if f.Container != "" {
			line = "container " + text.Visible(f.Container) + ": " + line
		}
		if p.Message == "" {
			p.Message = line
		}
		lines = append(lines, markOf(f.Verdict, f.Severity).meaning+": "+line)
		for _, e := range f.Evidence {
			if e.Text != f.What {
				lines = append(lines, fmt.Sprintf("  evidence (%s): %s", e.Source, text.Visible(e.Text)))
			}
		}
		if f.Fix != "" {
			lines = append(lines, "  fix: "+text.Visible(f.Fix))
		}
	}
	p.Text = strings.Join(lines, "\n")
	return p
}

// errors returns a suite with an error for each thing that could not be read.
func (j *junitWriter) errors() junitSuite {
	s := junitSuite{Name: "manifests"}
	for i, e := range j.report.Errors {
		s.add(junitCase{
			Class: s.Name, Name: fmt.Sprintf("error %d", i+1), File: manifest.ShownName(e.File),
			Error: &junitProblem{Message: e.Error(), Type: "manifest"},
		})
	}
	return s
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}
