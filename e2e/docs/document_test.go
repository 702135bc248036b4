// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// ellipsis stands, on a line of its own, for lines that an expected output leaves
// out.
const ellipsis = "…"

// A document is a file of the documentation, as lines.
type document struct {
	name   string
	lines  []string
	blocks []*block
}

// A block is one that is fenced by ```, such as a command or its output.
type block struct {
	info       string // after the ```
	begin, end int    // the lines between the fences, in document.lines
	indent     string // of the fences, in a list
}

// The info strings that mean something here.
const (
	tested   = "sh"
	untested = "sh untested"
	recorded = "console recorded" // of an untested command: what the test that stands for it recorded
	promQL   = "promql"
	manifest = "yaml"
)

func (b *block) isOutput() bool { return b.info == "console" || b.info == "text" }

func readDocument(file, name string) (*document, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	d := &document{name: name, lines: strings.Split(string(data), "\n")}
	var open *block
	for i, line := range d.lines {
		trimmed := strings.TrimLeft(line, " ")
		if !strings.HasPrefix(trimmed, "```") {
			continue
		}
		if open == nil {
			open = &block{info: strings.TrimPrefix(trimmed, "```"), begin: i + 1, indent: line[:len(line)-len(trimmed)]}
			continue
		}
		open.end = i
		d.blocks = append(d.blocks, open)
		open = nil
	}
	if open != nil {
		return nil, fmt.Errorf("%s:%d: the block has no end", name, open.begin)
	}
	return d, nil
}

// text returns what stands in a block.
func (d *document) text(b *block) string {
	var text strings.Builder
	for _, line := range d.lines[b.begin:b.end] {
		text.WriteString(strings.TrimPrefix(line, b.indent) + "\n")
	}
	return text.String()
}

// place names a block as compilers do.
func (d *document) place(b *block) string { return fmt.Sprintf("%s:%d", d.name, b.begin+1) }

// outputOf returns the block with the expected output of a command: the next one,
// with nothing between the two. It returns nil where there is none.
func (d *document) outputOf(i int) *block {
	if i+1 == len(d.blocks) || !d.blocks[i+1].isOutput() {
		return nil
	}
	between := d.lines[d.blocks[i].end+1 : d.blocks[i+1].begin-1]
	if slices.ContainsFunc(between, func(line string) bool { return strings.TrimSpace(line) != "" }) {
		return nil
	}
	return d.blocks[i+1]
}

// withOutputs returns the document with other texts in some blocks.
func (d *document) withOutputs(texts map[*block]string) []byte {
	var lines []string
	from := 0
	for _, b := range d.blocks {
		text, found := texts[b]
		if !found {
			continue
		}
		lines = append(lines, d.lines[from:b.begin]...)
		for line := range strings.Lines(text) {
			lines = append(lines, strings.TrimRight(b.indent+strings.TrimSuffix(line, "\n"), " "))
		}
		from = b.end
	}
	return []byte(strings.Join(append(lines, d.lines[from:]...), "\n"))
}

// withoutTrailingSpace returns the text as editors would have it.
func withoutTrailingSpace(text string) string {
	var trimmed strings.Builder
	for line := range strings.Lines(text) {
		trimmed.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return trimmed.String()
}

// matches reports whether an output is the expected one, in which lines may be left
// out.
func matches(want, got string) bool {
	parts := strings.Split("\n"+want, "\n"+ellipsis+"\n")
	for i := range parts[1:] {
		parts[i] += "\n"
		parts[i+1] = "\n" + parts[i+1]
	}
	rest := "\n" + got
	if len(parts) == 1 {
		return parts[0] == rest
	}
	for i, part := range parts {
		switch i {
		case 0:
			if !strings.HasPrefix(rest, part) {
				return false
			}
			rest = rest[len(part)-1:]
		case len(parts) - 1:
			return strings.HasSuffix(rest, part)
		default:
			at := strings.Index(rest, part)
			if at < 0 {
				return false
			}
			rest = rest[at+len(part)-1:]
		}
	}
	return false
}
