// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"io"
	"text/tabwriter"

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

// printer writes lines, and keeps the first error.
type printer struct {
	w     io.Writer
	paint func(shade, string) string
	width int // columns
	err   error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) text(text []byte) {
	if p.err == nil {
		_, p.err = p.w.Write(text)
	}
}

func (out *printer) columns(write func(io.Writer)) {
	if out.err != nil {
		return
	}
	table := tabwriter.NewWriter(out.w, 0, 0, 2, ' ', 0)
	write(table)
	out.err = table.Flush()
}
