// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/caseharden/caseharden/internal/text"
	"github.com/caseharden/caseharden/trial"
	"github.com/caseharden/caseharden/trial/plan"
	"github.com/caseharden/caseharden/trial/watch"
)

// trialProgress shows the copies of a trial: on a terminal those that run, a line each, below
// those that have ended; elsewhere a line whenever one begins or ends.
type trialProgress struct {
	w        io.Writer
	terminal bool
	begun    time.Time

	mu     sync.Mutex // guards the following
	active []trial.Run
	shown  int // lines of those that run
	stop   chan struct{}
}

func newTrialProgress(w io.Writer, workload *plan.Workload) *trialProgress {
	p := &trialProgress{w: w, terminal: isTerminal(w), begun: time.Now(), stop: make(chan struct{})}
	fmt.Fprintf(w, "%s:\n", workload.Ref())
	if p.terminal {
		go p.tick()
	}
	return p
}

// tick keeps the time current.
func (p *trialProgress) tick() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		}
	}
}

// report takes what a trial tells.
func (p *trialProgress) report(r trial.Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ended := r.Outcome != watch.Pending || r.Why != ""
	known := slices.IndexFunc(p.active, func(a trial.Run) bool { return a.Copy == r.Copy })
	switch {
	case !ended:
		p.active = append(p.active, r)
	case known >= 0:
		p.active = slices.Delete(p.active, known, known+1)
	}
	if p.terminal {
		p.erase()
	}
	switch {
	case ended && r.Outcome == watch.Pending:
		// It was given up, since another copy has answered the question.
	case ended:
		fmt.Fprintf(p.w, "  %-11s  %s%s\n", r.Outcome, text.Visible(r.What), because(r))
	case !p.terminal:
		fmt.Fprintf(p.w, "  running      %s\n", text.Visible(r.What))
	}
	if p.terminal {
		p.draw()
	}
}

func because(r trial.Run) string {
	if r.Outcome == watch.Works {
		return fmt.Sprintf(" (%d s)", r.Seconds)
	}
	words := r.Why
	if r.Container != "" {
		words = "container " + r.Container + " " + words
	}
	if r.Line != "" {
		words += ": " + r.Line
	}
	return ": " + text.Shorten(text.Visible(words), 160)
}

// erase removes the lines of the copies that run.
func (p *trialProgress) erase() {
	if p.shown > 0 {
		fmt.Fprintf(p.w, "\x1b[%dA\x1b[J", p.shown)
	}
	p.shown = 0
}

// draw shows the copies that run.
func (p *trialProgress) draw() {
	p.erase()
	for _, r := range p.active {
		fmt.Fprintf(p.w, "  running      %s (%d s of the trial)\n", text.Shorten(text.Visible(r.What), 60), int(time.Since(p.begun).Seconds()))
		p.shown++
	}
}

// end removes what is shown of copies that run.
func (p *trialProgress) end() {
	close(p.stop)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		p.erase()
	}
}
