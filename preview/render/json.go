// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview"
)

// writeJSON writes the report as package json would, one workload at a time: all of them
// together may be larger than the manifests.
func writeJSON(w io.Writer, r *preview.Report, _ Style) error {
	const workloads = `"workloads": []`
	outline := *r
	outline.Workloads = []preview.Workload{}
	data, err := marshal(outline, "")
	if err != nil {
		return err
	}
	// A quote in a string has a backslash before it, so that this is the member itself.
	before, after, _ := bytes.Cut(data, []byte(workloads))
	out := newPrinter(w)
	out.text(before)
	if len(r.Workloads) == 0 {
		out.text([]byte(workloads))
	}
	separator := workloads[:len(workloads)-1]
	for _, workload := range r.Workloads {
		data, err := marshal(workload, "    ")
		if err != nil {
			return err
		}
		out.text([]byte(separator + "\n    "))
		out.text(bytes.TrimSpace(data))
		separator = ","
	}
	if len(r.Workloads) > 0 {
		out.text([]byte("\n  ]"))
	}
	out.text(after)
	return out.Err
}

func marshal(value any, prefix string) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent(prefix, "  ")
	err := encoder.Encode(value)
	return withoutControls(b.Bytes()), err
}

// marshalLine writes a value on one line.
func marshalLine(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return withoutControls(b.Bytes()), err
}

// withoutControls writes what would steer a terminal as the escapes that JSON has for it.
// Such characters are nowhere but in strings, and those below U+0020 are escaped already.
func withoutControls(encoded []byte) []byte {
	isControl := func(r rune) bool { return r >= 0x7f && r < 0xa0 || text.IsDirectionControl(r) }
	if !bytes.ContainsFunc(encoded, isControl) {
		return encoded
	}
	var b bytes.Buffer
	for _, r := range string(encoded) {
		if isControl(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.Bytes()
}
