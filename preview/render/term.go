// SPDX-License-Identifier: Apache-2.0

package render

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/caseharden/caseharden/internal/term"
)

// A shade is a colour of terminals.
type shade = term.Shade

const (
	plain  = term.Plain
	bold   = term.Bold
	faint  = term.Faint
	red    = term.Red
	alarm  = term.Alarm
	green  = term.Green
	yellow = term.Yellow
	cyan   = term.Cyan
)

// painter returns a function that colours text, or leaves it plain.
func painter(colour bool) func(shade, string) string { return term.Painter(colour) }

// A printer writes lines, and keeps the first error.
type printer struct{ term.Printer }

// newPrinter returns a printer for text without colours, of any width.
func newPrinter(w io.Writer) *printer { return &printer{term.Printer{W: w, Paint: painter(false)}} }

func (out *printer) text(text []byte) {
	if out.Err == nil {
		_, out.Err = out.W.Write(text)
	}
}

// columns writes rows of cells below heads, two spaces apart; where that is wider than the
// output, one space apart below short heads. The last cell of a row is wrapped.
func (out *printer) columns(heads, short []string, rows [][]string) {
	gap := 2
	widths := widthsOf(append(rows, heads))
	if sum(widths)+gap*(len(heads)-1) > out.Width {
		heads, gap = short, 1
		widths = widthsOf(append(rows, heads))
	}
	last := len(heads) - 1
	for _, row := range append([][]string{heads}, rows...) {
		var before strings.Builder
		for i, cell := range row[:last] {
			before.WriteString(padded(cell, widths[i]) + strings.Repeat(" ", gap))
		}
		out.Wrapped(plain, before.String(), row[last])
	}
}

func widthsOf(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

func sum(numbers []int) (total int) {
	for _, n := range numbers {
		total += n
	}
	return total
}
