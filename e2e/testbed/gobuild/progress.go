// SPDX-License-Identifier: Apache-2.0

package gobuild

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// A progress tells a person that a long step is still going on: its name, its
// state and the time it has taken, in place on a terminal, and as a line each
// few seconds elsewhere. A step shorter than that leaves no trace.
type progress struct {
	w        io.Writer
	name     string
	terminal bool
	begun    time.Time
	quit     chan struct{} // closed by end
	finished chan struct{} // closed by run

	mu    sync.Mutex // guards state
	state string
}

const (
	lineInterval    = 5 * time.Second
	inPlaceInterval = 200 * time.Millisecond
)

// startProgress begins to report to w. The caller must call end.
func startProgress(w io.Writer, name string) *progress {
	p := &progress{
		w:        w,
		name:     name,
		terminal: isTerminal(w),
		begun:    time.Now(),
		quit:     make(chan struct{}),
		finished: make(chan struct{}),
	}
	go p.run()
	return p
}

func (p *progress) set(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = fmt.Sprintf(format, args...)
}

// end stops the reports, and sums up if there have been any.
func (p *progress) end() {
	close(p.quit)
	<-p.finished
}

func (p *progress) run() {
	defer close(p.finished)
	interval, before, after := lineInterval, "", "\n"
	if p.terminal {
		interval, before, after = inPlaceInterval, "\r\x1b[K", ""
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.mu.Lock()
			state := p.state
			p.mu.Unlock()
			fmt.Fprintf(p.w, "%s%s: %s, %s%s", before, p.name, state, p.elapsed(), after)
		case <-p.quit:
			fmt.Fprint(p.w, before)
			if time.Since(p.begun) >= lineInterval {
				fmt.Fprintf(p.w, "%s: ended after %s\n", p.name, p.elapsed())
			}
			return
		}
	}
}

func (p *progress) elapsed() time.Duration { return time.Since(p.begun).Round(time.Second) }

// isTerminal takes every character device for a terminal. The error, of
// /dev/null, does no harm.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
