// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// An Output is a form in which a preview can be written.
type Output struct {
	Name, Help string
	write      func(p *Preview, w io.Writer, colour bool) error
}

// Outputs returns all forms; the first is the default.
func Outputs() []Output {
	return []Output{
		{"table", "what would be injected, left and skipped in each container, with the reasons", writeTable},
		{"diff", "a unified diff of the manifests", writeDiff},
		{"yaml", "the hardened manifests, as they are but for what is added", writeManifests},
		{"json", "the report for programs: docs/preview.md describes it", writeJSON},
		{"html", "the report as one page for people", func(p *Preview, w io.Writer, _ bool) error { return writeHTML(w, p.Report) }},
	}
}

// Write writes the preview in the form that an output has. Where the form has
// colours, they are used if colour is set. What cannot be written of a document is
// added to the errors of the report.
func (p *Preview) Write(w io.Writer, output string, colour bool) error {
	for _, o := range Outputs() {
		if o.Name == output {
			buffered := bufio.NewWriter(w)
			if err := o.write(p, buffered, colour); err != nil {
				return err
			}
			return buffered.Flush()
		}
	}
	var names []string
	for _, o := range Outputs() {
		names = append(names, o.Name)
	}
	return fmt.Errorf("output %q: must be %s or %s", output, strings.Join(names[:len(names)-1], ", "), names[len(names)-1])
}

// writeJSON writes the report as package json would, one workload at a time: all of them
// together may be larger than the manifests.
func writeJSON(p *Preview, w io.Writer, _ bool) error {
	const workloads = `"workloads": []`
	outline := *p.Report
	outline.Workloads = []Workload{}
	text, err := marshal(outline, "")
	if err != nil {
		return err
	}
	// A quote in a string has a backslash before it, so that this is the member itself.
	before, after, _ := bytes.Cut(text, []byte(workloads))
	out := &printer{w: w}
	out.text(before)
	if len(p.Report.Workloads) == 0 {
		out.text([]byte(workloads))
	}
	separator := workloads[:len(workloads)-1]
	for _, workload := range p.Report.Workloads {
		text, err := marshal(workload, "    ")
		if err != nil {
			return err
		}
		out.text([]byte(separator + "\n    "))
		out.text(bytes.TrimSpace(text))
		separator = ","
	}
	if len(p.Report.Workloads) > 0 {
		out.text([]byte("\n  ]"))
	}
	out.text(after)
	return out.err
}

func marshal(value any, prefix string) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent(prefix, "  ")
	err := encoder.Encode(value)
	return b.Bytes(), err
}
