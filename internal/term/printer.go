// SPDX-License-Identifier: Apache-2.0

package term

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A Shade is a colour of terminals, as an SGR sequence.
type Shade string

// The shades.
const (
	Plain  Shade = ""
	Bold   Shade = "1"
	Faint  Shade = "2"
	Red    Shade = "31"
	Alarm  Shade = "1;31"
	Green  Shade = "32"
	Yellow Shade = "33"
	Cyan   Shade = "36"
)

// Painter returns a function that colours text, or leaves it plain.
func Painter(colour bool) func(Shade, string) string {
	return func(s Shade, text string) string {
		if !colour || s == Plain || text == "" {
			return text
		}
		return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
	}
}

// A Printer writes lines, and keeps the first error.
type Printer struct {
	W     io.Writer
	Paint func(Shade, string) string
	Width int // columns
	Err   error
}

// Line writes a line.
func (p *Printer) Line(format string, args ...any) {
	if p.Err == nil {
		_, p.Err = fmt.Fprintf(p.W, format+"\n", args...)
	}
}

// Wrapped writes a paragraph within the width: its first line begins with first, and all
// others with as many spaces. A word that is longer than a line stays whole, so that it can
// be copied.
func (p *Printer) Wrapped(s Shade, first, text string) {
	indent := utf8.RuneCountInString(first)
	for i, line := range Wrap(text, p.Width-indent) {
		if i > 0 {
			first = strings.Repeat(" ", indent)
		}
		p.Line("%s", first+p.Paint(s, line))
	}
}
