// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/preview/yamledit"
)

// contextLines is how many lines a diff shows around what is replaced.
const contextLines = 3

// A replacement puts lines in the place of others.
type replacement struct {
	start, end int    // offsets of whole lines in the text
	line, old  int    // the first line, from 0, and how many there are
	text       []byte // the lines in their place
}

func (c replacement) added() int { return countLines(c.text) - c.old }

// gitName returns a file name as git writes it into a diff: quoted as in C where a character
// could be taken for the end of the name, and with a TAB at its end where it has a space.
func gitName(name string) string {
	if strings.ContainsAny(name, "\"\\") || text.Visible(name) != name {
		var b strings.Builder
		b.WriteByte('"')
		for _, c := range []byte(name) {
			switch {
			case c == '"' || c == '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c < ' ' || c >= 0x7f:
				fmt.Fprintf(&b, `\%03o`, c)
			default:
				b.WriteByte(c)
			}
		}
		return b.String() + `"`
	}
	if strings.Contains(name, " ") {
		return name + "\t"
	}
	return name
}

// A diffWriter writes unified diffs, and keeps the first error.
type diffWriter struct {
	w     io.Writer
	paint func(shade, string) string
	err   error
}

// file writes the diff of a text that the edits make. As they are known, nothing has to be
// searched for: the time is in proportion to the text, and no line is shown as removed and
// added again unless it changes.
func (out *diffWriter) file(name string, text []byte, edits []yamledit.Edit) {
	replaced := byLine(text, edits)
	if len(replaced) == 0 {
		return
	}
	out.print(bold, "--- "+gitName("a/"+name)+"\n", nil)
	out.print(bold, "+++ "+gitName("b/"+name)+"\n", nil)
	shift := 0 // lines that those before have added
	for len(replaced) > 0 {
		n := 1
		for n < len(replaced) && replaced[n].line-(replaced[n-1].line+replaced[n-1].old) <= 2*contextLines {
			n++
		}
		out.hunk(text, replaced[:n], shift)
		for _, c := range replaced[:n] {
			shift += c.added()
		}
		replaced = replaced[n:]
	}
}

// byLine makes whole lines of edits, and one replacement of all edits of a line.
func byLine(text []byte, edits []yamledit.Edit) []replacement {
	var replaced []replacement
	line, counted := 0, 0
	for len(edits) > 0 {
		start := counted + 1 + bytes.LastIndexByte(text[counted:edits[0].Start], '\n')
		end := start
		var b bytes.Buffer
		for ok := true; ok; ok = len(edits) > 0 && bytes.IndexByte(text[end:edits[0].Start], '\n') < 0 {
			b.Write(text[end:edits[0].Start])
			b.WriteString(edits[0].Text)
			end, edits = edits[0].End, edits[1:]
		}
		// An insertion of lines at the beginning of a line leaves that line as it is.
		if !endsLine(text[:end]) || !endsLine(b.Bytes()) {
			rest := end + lineLength(text[end:])
			b.Write(text[end:rest])
			end = rest
		}
		line += bytes.Count(text[counted:start], []byte("\n"))
		replaced = append(replaced, replacement{start, end, line, countLines(text[start:end]), b.Bytes()})
		line += bytes.Count(text[start:end], []byte("\n"))
		counted = end
	}
	return replaced
}

// hunk writes replacements with the lines around them.
func (out *diffWriter) hunk(text []byte, replaced []replacement, shift int) {
	first, last := replaced[0], replaced[len(replaced)-1]
	start, before := first.start, 0
	for ; before < contextLines && start > 0; before++ {
		start = 1 + bytes.LastIndexByte(text[:start-1], '\n')
	}
	end, after := last.end, 0
	for ; after < contextLines && end < len(text); after++ {
		end += lineLength(text[end:])
	}
	old, added := before+last.line+last.old-first.line+after, 0
	for _, c := range replaced {
		added += c.added()
	}
	line := first.line - before
	out.print(cyan, fmt.Sprintf("@@ -%s +%s @@\n", lineRange(line, old), lineRange(line+shift, old+added)), nil)
	for _, c := range replaced {
		out.lines(plain, " ", text[start:c.start])
		out.lines(red, "-", text[c.start:c.end])
		out.lines(green, "+", c.text)
		start = c.end
	}
	out.lines(plain, " ", text[start:end])
}

func (out *diffWriter) lines(s shade, sign string, text []byte) {
	for line := range bytes.Lines(text) {
		out.print(s, sign, line)
		if !endsLine(line) {
			out.print(plain, "\n\\ No newline at end of file\n", nil)
		}
	}
}

// print writes a line, or two parts of one.
func (out *diffWriter) print(s shade, sign string, line []byte) {
	if out.err != nil {
		return
	}
	if coloured := out.paint(s, "x"); coloured != "x" {
		// A line break is no part of what is coloured.
		all := sign + string(line)
		text := strings.TrimSuffix(all, "\n")
		_, out.err = io.WriteString(out.w, out.paint(s, text)+all[len(text):])
		return
	}
	if _, out.err = io.WriteString(out.w, sign); out.err == nil {
		_, out.err = out.w.Write(line) // which may be a large file, and is not copied
	}
}

// lineRange writes a range of lines as diffs have it: an empty one by the line before it.
func lineRange(start, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", start)
	case 1:
		return fmt.Sprint(start + 1)
	}
	return fmt.Sprintf("%d,%d", start+1, count)
}

func endsLine(text []byte) bool { return len(text) == 0 || text[len(text)-1] == '\n' }

func countLines(text []byte) int {
	n := bytes.Count(text, []byte("\n"))
	if !endsLine(text) {
		n++
	}
	return n
}

// lineLength returns the length of the first line, with its line break.
func lineLength(text []byte) int {
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		return i + 1
	}
	return len(text)
}
