// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/caseharden/caseharden/status"
)

type suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Suites   []suite  `xml:"testsuite"`
}

type suite struct {
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Cases    []testCase `xml:"testcase"`
}

type testCase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Failure *failure `xml:"failure"`
}

type failure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes a suite for each namespace, with a case for each workload: it fails if
// containers do not run, or Pods cannot be created.
func writeJUnit(w io.Writer, r *status.Report, _ Style) error {
	all := suites{Name: "caseharden status"}
	for i := range r.Clusters {
		c := &r.Clusters[i]
		if c.Error != "" {
			all.add(suite{Name: "cluster " + c.Name, Cases: []testCase{{Class: c.Name, Name: "can be read", Failure: &failure{oneLine(c.Error), "error", ""}}}})
		}
		for j := range c.Namespaces {
			n := &c.Namespaces[j]
			s := suite{Name: "namespace " + n.Name}
			if len(r.Clusters) > 1 {
				s.Name = "cluster " + c.Name + ", " + s.Name
			}
			for _, p := range n.Problems {
				s.Cases = append(s.Cases, testCase{n.Name, p.ID, &failure{sentence(p.What), "problem", sentence(p.Fix)}})
			}
			for k := range n.Workloads {
				workload := &n.Workloads[k]
				s.Cases = append(s.Cases, testCase{n.Name, workload.Kind + " " + workload.Name, failureOf(workload)})
			}
			all.add(s)
		}
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}

func (all *suites) add(s suite) {
	for _, c := range s.Cases {
		s.Tests++
		if c.Failure != nil {
			s.Failures++
		}
	}
	all.Tests += s.Tests
	all.Failures += s.Failures
	all.Suites = append(all.Suites, s)
}

func failureOf(w *status.Workload) *failure {
	switch {
	case len(w.Findings) > 0:
		f := &w.Findings[0]
		text := sentence(f.Fix)
		for _, e := range f.Evidence {
			text += "\n" + oneLine(e.Text) + " (" + oneLine(e.Where) + ")"
		}
		if f.Command != "" {
			text += "\n" + oneLine(f.Command)
		}
		return &failure{sentence(f.What), f.ID, text}
	case len(w.Unexplained) > 0:
		u := &w.Unexplained[0]
		return &failure{"container " + oneLine(u.Container) + ": " + oneLine(u.Why), "unexplained", oneLine(u.Message)}
	case len(w.Failures) > 0:
		return &failure{"Pods cannot be created", "unexplained", oneLine(w.Failures[0])}
	}
	return nil
}
