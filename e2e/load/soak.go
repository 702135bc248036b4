// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/balancer"
)

// How many there are of each client. The callers are as many as keep the machine busy.
const (
	callersHTTP1 = 12 // that share connections, of which fewer are kept than are used
	callersHTTP2 = 4  // on a connection of its own each
	perHTTP2     = 3  // reviews at a time on that
	blunderers   = 2
	annoyers     = 20
)

// A run is one soak.
type run struct {
	measured, restarted *replica
	balancer            *balancer.Balancer
	issuer              *issuer
	reviews             []*review
	choice              choice
	tally               *tally
}

// soak runs everything for the time and returns what was wrong.
func soak(ctx context.Context, length time.Duration, corpus string, w io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "caseharden-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := webhook.Compile(ctx, w)
	if err != nil {
		return err
	}
	s, err := newRun(ctx, binary, dir, corpus)
	if err != nil {
		return err
	}
	defer s.kill()
	defer s.balancer.Close()
	go s.balancer.Serve(s.measured, s.restarted)
	watching, stop := context.WithCancel(ctx)
	defer stop()
	for _, r := range []*replica{s.measured, s.restarted} {
		// A machine that is too busy to answer in time says nothing; a kubelet asks three
		// times.
		go r.Watch(watching, 100*time.Millisecond, shutdownDelay/4, true)
	}
	if err := s.waitReady(ctx); err != nil {
		return err
	}

	warmUp := length / 5
	fmt.Fprintf(w, "warming up for %s\n", warmUp)
	s.load(ctx, warmUp, w)
	before, err := s.figuresAtRest(ctx, nil)
	if err != nil {
		return err
	}
	s.tally.reset()
	fmt.Fprintf(w, "measuring for %s\n", length)
	took := s.load(ctx, length, w)
	after, err := s.figuresAtRest(ctx, &before)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.report(w, took, before, after)
}

func newRun(ctx context.Context, binary, dir, corpus string) (*run, error) {
	issuer, err := newIssuer()
	if err != nil {
		return nil, err
	}
	reviews, err := goodReviews(corpus)
	if err != nil {
		return nil, err
	}
	s := &run{issuer: issuer, reviews: reviews, choice: newChoice(reviews), tally: newTally()}
	for name, r := range map[string]**replica{"measured": &s.measured, "restarted": &s.restarted} {
		*r = newReplica(binary, filepath.Join(dir, name), issuer)
		if err := errors.Join(os.Mkdir((*r).Dir, 0o700), (*r).start(ctx)); err != nil {
			s.kill()
			return nil, err
		}
	}
	if s.balancer, err = balancer.Listen(); err != nil {
		s.kill()
	}
	return s, err
}

func (s *run) kill() {
	for _, r := range []*replica{s.measured, s.restarted} {
		if r != nil {
			r.Kill()
		}
	}
}

func (s *run) waitReady(ctx context.Context) error {
	for !s.measured.Ready() || !s.restarted.Ready() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// load has everybody at work for the time, and returns how long that was, until the last
// good review was answered.
func (s *run) load(ctx context.Context, length time.Duration, w io.Writer) time.Duration {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var callers, others sync.WaitGroup
	for _, c := range s.callers(&callers, ctx) {
		defer c.client.CloseIdleConnections()
	}
	for range blunderers {
		c := newCaller(s.balancer.Addr(), s.issuer.trust("h2"), 1, s.tally)
		defer c.client.CloseIdleConnections()
		others.Go(func() {
			all := mistakes()
			for ctx.Err() == nil {
				// Not from ctx: what has begun is to be answered.
				calling, cancel := context.WithTimeout(context.Background(), callTimeout)
				m := all[rand.IntN(len(all))]
				s.tally.did(s.tally.bad, m.name, c.make(calling, m))
				c.cancel(calling, s.choice.next())
				cancel()
				pause(ctx, 10*time.Millisecond)
			}
		})
	}
	for range annoyers {
		others.Go(func() {
			all := nuisances()
			for ctx.Err() == nil {
				n := all[rand.IntN(len(all))]
				s.tally.did(s.tally.bad, n.name, n.be(ctx, s.measured))
			}
		})
	}
	others.Go(func() { s.restart(ctx) })
	others.Go(func() { s.renew(ctx) })
	others.Go(func() { s.progress(ctx, begun, length, w) })
	callers.Wait()
	took := time.Since(begun)
	others.Wait()
	return took
}

// callers calls with good reviews until the context ends.
func (s *run) callers(all *sync.WaitGroup, ctx context.Context) (made []*caller) {
	at := func(c *caller) {
		all.Go(func() {
			for ctx.Err() == nil {
				c.call(s.choice.next())
			}
		})
	}
	addr := s.balancer.Addr()
	shared := newCaller(addr, s.issuer.trust("http/1.1"), callersHTTP1/2, s.tally)
	made = append(made, shared)
	for range callersHTTP1 {
		at(shared)
	}
	for range callersHTTP2 {
		own := newCaller(addr, s.issuer.trust("h2"), 1, s.tally)
		made = append(made, own)
		for range perHTTP2 {
			at(own)
		}
	}
	return made
}

// restart ends the second replica and starts it again until the context ends. When it
// returns, the replica serves.
func (s *run) restart(ctx context.Context) {
	for pause(ctx, time.Second) {
		r := s.restarted
		f, err := readFigures(context.Background(), r.Running())
		if err == nil && f.panics > 0 {
			err = fmt.Errorf("%d panics before", f.panics)
		}
		err = errors.Join(err, r.end(), r.start(context.Background()))
		s.tally.did(s.tally.events, "restarts", err)
		if err != nil {
			return
		}
	}
}

// renew replaces the certificate of the first replica and demands that the new one is
// served, until the context ends.
func (s *run) renew(ctx context.Context) {
	for pause(ctx, time.Second) {
		serial, err := s.measured.renew()
		if err == nil {
			err = s.mustServe(serial)
		}
		s.tally.did(s.tally.events, "certificates", err)
	}
}

func (s *run) mustServe(serial string) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	for {
		served, err := s.measured.served(ctx)
		switch {
		case err != nil:
			return err
		case served == serial:
			return nil
		case !pause(ctx, 100*time.Millisecond):
			return fmt.Errorf("certificate %s is still served, and %s is in the files", served, serial)
		}
	}
}

// pause reports whether it could wait so long.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (s *run) progress(ctx context.Context, begun time.Time, length time.Duration, w io.Writer) {
	for pause(ctx, 5*time.Second) {
		s.tally.mu.Lock()
		fmt.Fprintf(w, "%s of %s: %d good reviews, %d times 429, %d failures; %s\n", time.Since(begun).Round(time.Second), length,
			s.tally.good, sum(s.tally.sheds), s.tally.failed, list(s.tally.events))
		s.tally.mu.Unlock()
	}
}

// figuresAtRest are those of the first replica, without any client. Between the two
// readings nothing may have grown, for which it waits a while.
func (s *run) figuresAtRest(ctx context.Context, atMost *figures) (figures, error) {
	w := s.measured.Running()
	tally := newTally()
	c := newCaller(w.Addr, s.issuer.trust("h2"), 1, tally)
	f, err := atRest(ctx, w, atMost, func() {
		for range 50 {
			c.call(s.reviews[1])
		}
		c.client.CloseIdleConnections()
		pause(ctx, 100*time.Millisecond)
	})
	if err == nil && tally.failed > 0 {
		err = errors.New("at rest: " + tally.failures[0])
	}
	return f, err
}

// report writes the table and returns what was wrong.
func (s *run) report(w io.Writer, took time.Duration, before, after figures) error {
	t := s.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.Sort(t.took)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(table, name+"\t"+format+"\n", args...) }
	row("good reviews", "%d, %.0f a second", t.good, float64(t.good)/took.Seconds())
	row("", "%s", list(t.kinds))
	row("answered after", "p50 %s, p99 %s, at most %s", t.percentile(.5).Round(10*time.Microsecond), t.percentile(.99).Round(10*time.Microsecond), t.percentile(1).Round(time.Millisecond))
	row("told to come again", "%s", strings.TrimSuffix(fmt.Sprintf("%d times (429): %s", sum(t.sheds), list(t.sheds)), ": "))
	row("bad clients", "%s", list(t.bad))
	row("meanwhile", "%s", list(t.events))
	row("goroutines", "%d, then %d", before.goroutines, after.goroutines)
	row("open files", "%d, then %d", before.files, after.files)
	row("heap", "%.1f MiB, then %.1f", mebibytes(before.heap), mebibytes(after.heap))
	row("resident", "%.1f MiB, then %.1f", mebibytes(before.resident), mebibytes(after.resident))
	row("panics", "%d", after.panics)
	row("failures", "%d", t.failed)
	if err := table.Flush(); err != nil {
		return err
	}
	var wrong []error
	for _, failure := range t.failures {
		wrong = append(wrong, errors.New(failure))
	}
	for _, grown := range before.compare(after) {
		wrong = append(wrong, errors.New(grown))
	}
	if after.panics > 0 {
		wrong = append(wrong, fmt.Errorf("%d panics", after.panics))
	}
	if t.good == 0 {
		wrong = append(wrong, errors.New("no good review was answered"))
	}
	for _, what := range []string{"restarts", "certificates"} {
		if t.events[what] == 0 {
			wrong = append(wrong, errors.New("there were no "+what))
		}
	}
	return errors.Join(wrong...)
}

func sum(counts map[string]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
