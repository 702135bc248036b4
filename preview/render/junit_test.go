// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/internal/profiletest"
	"github.com/caseharden/caseharden/preview"
)

// The elements of JUnit that CI systems agree on, with the attributes that each has to have
// and may have, and the elements that may be in it.
var junitElements = map[string]struct{ required, optional, inside []string }{
	"":           {inside: []string{"testsuites"}},
	"testsuites": {required: []string{"name", "tests", "failures", "errors", "skipped"}, inside: []string{"testsuite"}},
	"testsuite":  {required: []string{"name", "tests", "failures", "errors", "skipped"}, inside: []string{"testcase"}},
	"testcase":   {required: []string{"classname", "name"}, optional: []string{"file"}, inside: []string{"failure", "error", "skipped", "system-out"}},
	"failure":    {required: []string{"message", "type"}},
	"error":      {required: []string{"message", "type"}},
	"skipped":    {required: []string{"message"}},
	"system-out": {},
}

// counts of a JUnit report, by element.
type junitCounts map[string]int

// readJUnit reads a report strictly, compares the counts with what is there, and makes sure
// that no two cases have the same name.
func readJUnit(t *testing.T, text string) junitCounts {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	total, suite := junitCounts{}, junitCounts{}
	names := map[string]bool{}
	path := []string{""}
	announced := map[string]map[string]string{}
	check := func(of string, counted junitCounts) {
		for attribute, element := range map[string]string{"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"} {
			if announced[of][attribute] != strconv.Itoa(counted[element]) {
				t.Errorf("%s %q announces %s %s, and has %d", of, announced[of]["name"], announced[of][attribute], attribute, counted[element])
			}
		}
	}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			check("testsuites", total)
			return total
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			element, known := junitElements[name]
			if !known || !slices.Contains(junitElements[path[len(path)-1]].inside, name) {
				t.Fatalf("%s in %q", name, path)
			}
			attributes := map[string]string{}
			for _, a := range token.Attr {
				attributes[a.Name.Local] = a.Value
				if !slices.Contains(element.required, a.Name.Local) && !slices.Contains(element.optional, a.Name.Local) {
					t.Errorf("%s has the attribute %s", name, a.Name.Local)
				}
			}
			for _, a := range element.required {
				if _, there := attributes[a]; !there {
					t.Errorf("%s has no attribute %s", name, a)
				}
			}
			if key := attributes["classname"] + "\n" + attributes["name"]; name == "testcase" && names[key] {
				t.Errorf("two cases are %q", key)
			} else if name == "testcase" {
				names[key] = true
			}
			announced[name] = attributes
			path, total[name], suite[name] = append(path, name), total[name]+1, suite[name]+1
		case xml.EndElement:
			path = path[:len(path)-1]
			if token.Name.Local == "testsuite" {
				check("testsuite", suite)
				suite = junitCounts{}
			}
		case xml.CharData:
			if last := path[len(path)-1]; strings.TrimSpace(string(token)) != "" && last != "failure" && last != "system-out" {
				t.Errorf("text in %s: %s", last, token)
			}
		}
	}
}

func TestJUnit(t *testing.T) {
	hardened := profiletest.Builtin(t, "hardened")
	twice := everyFinding()
	twice.Workloads = append(twice.Workloads, twice.Workloads...)
	for name, r := range map[string]*preview.Report{
		"golden": goldenReport(t, hardened, preview.Options{}), "hostile": hostileReport(t), "nothing": preview.New(hardened, nil, preview.Options{}),
		"twice": twice,
	} {
		counts := readJUnit(t, written(t, r, "junit"))
		want := 0
		for _, w := range r.Workloads {
			if want++; w.Excluded == "" {
				want += len(r.Summary.Fields) - 1
			}
		}
		if counts["testcase"] != want+len(r.Errors) || counts["error"] != len(r.Errors) {
			t.Errorf("%s: %v, want %d cases and %d errors", name, counts, want, len(r.Errors))
		}
	}
}

// What breaks is a failure, and with --min-severity what is at such a risk, as far as the
// verdict goes.
func TestJUnitFailures(t *testing.T) {
	for severity, want := range map[evidence.Severity]int{"": 1, evidence.High: 25, evidence.Medium: 26, evidence.Low: 27} {
		r := everyFinding()
		r.MinSeverity = severity
		if counts := readJUnit(t, written(t, r, "junit")); counts["failure"] != want || counts["testcase"] != 30 {
			t.Errorf("--min-severity %q: %v, want %d failures", severity, counts, want)
		}
	}
	// A finding that names nothing that would be injected is a failure too.
	r := everyFinding()
	r.Workloads[0].Findings[0].Settings = []string{"runAsNonRoot"}
	r.Workloads[0].SetVerdicts()
	if counts := readJUnit(t, written(t, r, "junit")); counts["failure"] != 1 || counts["testcase"] != 31 {
		t.Errorf("%v", counts)
	}
}
