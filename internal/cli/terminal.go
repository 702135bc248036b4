// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// hasColour reports whether colours can be seen, and are wanted (https://no-color.org).
func hasColour(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// widthOf returns the number of columns of a terminal, and 0 of anything else.
func widthOf(w io.Writer) int {
	if file, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil {
			return columns
		}
	}
	return 0
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// progressOn reports on a terminal how far a preview is, once it takes longer than
// a second. The caller must call done.
func progressOn(w io.Writer) (progress func(done, total int), done func()) {
	if !isTerminal(w) {
		return nil, func() {}
	}
	next, shown := time.Now().Add(time.Second), false
	return func(done, total int) {
			if now := time.Now(); now.After(next) {
				fmt.Fprintf(w, "\r%d of %d objects", done, total)
				next, shown = now.Add(100*time.Millisecond), true
			}
		}, func() {
			if shown {
				fmt.Fprint(w, "\r\x1b[K")
			}
		}
}
