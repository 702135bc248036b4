// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// A shade is a colour of terminals, as an SGR sequence.
type shade string

const (
	plain  shade = ""
	bold   shade = "1"
	faint  shade = "2"
	red    shade = "31"
	alarm  shade = "1;31"
	green  shade = "32"
	yellow shade = "33"
	cyan   shade = "36"
)

// painter returns a function that colours text, or leaves it plain.
func painter(colour bool) func(shade, string) string {
	return func(s shade, text string) string {
		if !colour || s == plain || text == "" {
			return text
		}
		return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
	}
}

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
