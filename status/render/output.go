// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/caseharden/caseharden/status"
)

// A Style says how an output is written, as far as it has a choice.
type Style struct {
	Colour  bool
	Width   int    // columns of a table; 0: 100
	Explain string // of a table: everything of the workloads with this name, and nothing else
}

// An Output is a form in which a report can be written.
type Output struct {
	Name, Help string
	write      func(w io.Writer, r *status.Report, s Style) error
}

// Outputs returns all forms; the first is the default.
func Outputs() []Output {
	return []Output{
		{"table", "namespaces first, then workloads, then findings with their fixes", writeTable},
		{"json", "the report for programs: docs/status.md describes it", writeJSON},
		{"html", "the report as one page for people", writeHTML},
		{"junit", "a test case for each workload, for pipelines", writeJUnit},
		{"sarif", "what breaks or may break, for code scanning", writeSARIF},
		{"policyreport", "a PolicyReport (wgpolicyk8s.io/v1alpha2) for each namespace, for tools that show them", writePolicyReports},
		{"openreports", "the same as a Report (openreports.io/v1alpha1)", writeOpenReports},
	}
}

// Write writes the report in the form that an output has.
func Write(w io.Writer, r *status.Report, output string, s Style) error {
	for _, o := range Outputs() {
		if o.Name == output {
			buffered := bufio.NewWriter(w)
			return errors.Join(o.write(buffered, r, s), buffered.Flush())
		}
	}
	return fmt.Errorf("output %q: is not known", output)
}

// writeJSON writes what encoding/json would, and keeps no more of it in memory than a part.
func writeJSON(w io.Writer, r *status.Report, _ Style) error {
	if err := json.MarshalWrite(w, r, jsonv1.DefaultOptionsV1(), jsontext.EscapeForHTML(false), jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
