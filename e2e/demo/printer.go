// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// A printer writes for people. On a terminal it uses colors, unless NO_COLOR is set
// (no-color.org).
type printer struct {
	w      io.Writer
	colour bool
}

func newPrinter(f *os.File) *printer {
	return &printer{w: f, colour: term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""}
}

// The colours, by what they mean.
const (
	bold   = "1"
	green  = "32"
	yellow = "33"
)

func (p *printer) in(colour, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func (p *printer) title(format string, args ...any) {
	fmt.Fprintf(p.w, "\n%s\n", p.in(bold, fmt.Sprintf(format, args...)))
}

func (p *printer) text(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }
