// SPDX-License-Identifier: Apache-2.0

// Package render writes finished reports: for people, for programs, and as manifests or a
// diff of them. Every output is a function of the report and changes nothing in it.
package render

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/caseharden/caseharden/preview"
	"github.com/caseharden/caseharden/preview/render/html"
)

// A Style says how an output is written, as far as it has a choice.
type Style struct {
	Colour bool
	Width  int // columns of a table; 0: 100

	// Of the table alone:
	Summary bool                // the totals, and nothing else
	Explain []*preview.Workload // everything of these workloads, and nothing else
}

// An Output is a form in which a report can be written.
type Output struct {
	Name, Help string
	write      func(w io.Writer, r *preview.Report, s Style) error
}

// Outputs returns all forms; the first is the default.
func Outputs() []Output {
	return []Output{
		{"table", "a line for each workload, riskiest first; what may break, with the fix; and totals", writeTable},
		{"diff", "a unified diff of the manifests", writeDiff},
		{"yaml", "the hardened manifests, as they are but for what is added", writeManifests},
		{"json", "the report for programs: docs/preview.md describes it", writeJSON},
		{"profile", "a profile with the exceptions that the findings call for, for --profiles", writeProfile},
		{"html", "the report as one page for people", func(w io.Writer, r *preview.Report, _ Style) error { return html.Write(w, r) }},
		{"sarif", "findings and unset settings for code hosts, in SARIF 2.1.0 with fixes", writeSARIF},
		{"junit", "a test case for each workload and setting, for CI systems", writeJUnit},
	}
}

// Write writes the report in the form that an output has. What the form cannot hold is in
// the error, after all else is written.
func Write(w io.Writer, r *preview.Report, output string, s Style) error {
	var names []string
	for _, o := range Outputs() {
		if o.Name != output {
			names = append(names, o.Name)
			continue
		}
		buffered := bufio.NewWriter(w)
		err := o.write(buffered, r, s)
		return errors.Join(err, buffered.Flush())
	}
	return fmt.Errorf("output %q: must be %s or %s", output, strings.Join(names[:len(names)-1], ", "), names[len(names)-1])
}
