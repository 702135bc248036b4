// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package direct measures webhooks straight over TLS and HTTP/2, without an API server:
// what each review takes of the server's processor, how many there are in a second, how
// long one takes, and how much memory the server needs for it.
//
// Start reading at Run. It needs Linux, which tells the processor time of a child.
package direct

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/caseharden/caseharden/e2e/bench/reviews"
	"github.com/caseharden/caseharden/e2e/bench/servers"
	"github.com/caseharden/caseharden/e2e/bench/stats"
)

// Options say how to measure. The zero value takes two to three minutes.
type Options struct {
	Rounds   int           // of all kinds and all servers
	Duration time.Duration // of one measurement: one kind at one server
	Clients  int           // that send one review after the other, each on its own connection

	// Corpus is a file of real pods, for the kind of that name; "" leaves it out.
	Corpus string

	// Log receives the progress, for people to read. If nil, it is discarded.
	Log io.Writer
}

const (
	defaultRounds   = 12 // a multiple of twice the servers: see stats.Order
	defaultDuration = 300 * time.Millisecond
	defaultClients  = 8

	// maxStarts is how often each server is started anew for each kind of review: memory
	// and the time of a start vary little.
	maxStarts = 3

	// settle is how long a server is left alone before its memory is read.
	settle = 200 * time.Millisecond
)

// A target is a server to measure, and how it is started.
type target struct {
	name  string
	path  string // where it answers reviews; "" for the limit, which has a path for each
	start func(context.Context, servers.Binaries, string) (*servers.Server, error)
}

var targets = []target{
	{Limit, "", servers.StartLimit},
	{Caseharden, servers.PathCaseharden, servers.StartCaseharden},
	{ControllerRuntime, servers.PathControllerRuntime, servers.StartControllerRuntime},
}

// The places of two of them.
const limit, caseharden = 0, 1

// Run measures every server with every kind of review. In each round each kind is sent
// to one server after the other, so that a machine that is slow for a while is so for
// all of them; the ratios are of measurements that were neighbours. An answer that is not
// what it should be ends the benchmark. When Run returns, all processes have ended.
func Run(ctx context.Context, o Options) (result Result, err error) {
	o.Rounds = cmp.Or(o.Rounds, defaultRounds)
	o.Duration = cmp.Or(o.Duration, defaultDuration)
	o.Clients = cmp.Or(o.Clients, defaultClients)
	if o.Log == nil {
		o.Log = io.Discard
	}
	binaries, err := servers.Compile(ctx, o.Log)
	if err != nil {
		return Result{}, err
	}
	ofKinds, err := reviews.Kinds(o.Corpus)
	if err != nil {
		return Result{}, err
	}
	var kinds []*kind
	for _, k := range ofKinds {
		of, err := newKind(k)
		if err != nil {
			return Result{}, err
		}
		kinds = append(kinds, of)
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := servers.WriteAnswers(ctx, binaries, dir, byPath(kinds)); err != nil {
		return Result{}, err
	}
	b := &bench{Options: o, binaries: binaries, dir: dir, kinds: kinds}
	fresh, err := b.measureStarts(ctx)
	if err != nil {
		return Result{}, err
	}
	rounds, err := b.measureRounds(ctx)
	if err != nil {
		return Result{}, err
	}
	return b.summarize(fresh, rounds), nil
}

type bench struct {
	Options
	binaries servers.Binaries
	dir      string // for files of the servers
	kinds    []*kind
}

// started is what was measured of a server that was started for one kind of review.
type started struct {
	start      time.Duration
	idle, peak int64 // bytes, resident
}

// measureStarts starts each server anew for each kind of review, some times over, and
// returns what it saw by kind and server. A process that has had other reviews would have
// their memory still.
func (b *bench) measureStarts(ctx context.Context) ([][][]started, error) {
	all := newTable[started](len(b.kinds))
	passes := min(b.Rounds, maxStarts)
	for pass := range passes {
		fmt.Fprintf(b.Log, "start and memory: %d of %d\n", pass+1, passes)
		for k := range b.kinds {
			for s := range targets {
				one, err := b.measureStart(ctx, targets[s], b.kinds[k])
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", targets[s].name, b.kinds[k].Name, err)
				}
				all[k][s] = append(all[k][s], one)
			}
		}
	}
	return all, nil
}

func (b *bench) measureStart(ctx context.Context, t target, k *kind) (of started, err error) {
	began := time.Now()
	s, err := t.start(ctx, b.binaries, b.dir)
	if err != nil {
		return started{}, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	of.start = time.Since(began)
	time.Sleep(settle)
	memory, err := s.Process.Memory()
	if err != nil {
		return started{}, err
	}
	of.idle = memory.Now
	c, err := newClient(s, t, b.Clients)
	if err != nil {
		return started{}, err
	}
	defer c.close()
	// So that memory is of answers that are right.
	if err := c.check(ctx, k); err != nil {
		return started{}, err
	}
	if _, err := c.send(ctx, k, b.Duration); err != nil {
		return started{}, err
	}
	memory, err = s.Process.Memory()
	of.peak = memory.Peak
	return of, err
}

// measureRounds returns what was measured by kind, server and round.
func (b *bench) measureRounds(ctx context.Context) (all [][][]measurement, err error) {
	var clients []*client
	for _, t := range targets {
		s, err := t.start(ctx, b.binaries, b.dir)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, s.Stop()) }()
		c, err := newClient(s, t, b.Clients)
		if err != nil {
			return nil, err
		}
		defer c.close()
		clients = append(clients, c)
	}
	all = newTable[measurement](len(b.kinds))
	for round := range b.Rounds {
		fmt.Fprintf(b.Log, "reviews: round %d of %d\n", round+1, b.Rounds)
		for k, kind := range b.kinds {
			for _, s := range stats.Order(round, len(clients)) {
				m, err := clients[s].measure(ctx, kind, b.Duration)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", targets[s].name, kind.Name, err)
				}
				all[k][s] = append(all[k][s], m)
			}
		}
	}
	return all, nil
}

// newTable returns one of lists, by kind and server.
func newTable[T any](kinds int) [][][]T {
	table := make([][][]T, kinds)
	for i := range table {
		table[i] = make([][]T, len(targets))
	}
	return table
}

func (b *bench) summarize(fresh [][][]started, rounds [][][]measurement) Result {
	r := Result{Clients: b.Clients, Rounds: b.Rounds}
	for k, kind := range b.kinds {
		of := Kind{Name: kind.Name, Bytes: kind.Bytes(), Containers: kind.containers}
		for s, t := range targets {
			own := rounds[k][s]
			ratioTo := func(other int) stats.Spread {
				var ratios []float64
				for round := range own {
					ratios = append(ratios, own[round].cpu.Seconds()/rounds[k][other][round].cpu.Seconds())
				}
				return stats.Of(ratios)
			}
			of.Servers = append(of.Servers, Server{
				Name:         t.name,
				CPU:          over(own, func(m measurement) float64 { return m.cpu.Seconds() * 1e6 }),
				Throughput:   over(own, func(m measurement) float64 { return m.perSecond }),
				P50:          over(own, func(m measurement) float64 { return m.p50 }),
				P99:          over(own, func(m measurement) float64 { return m.p99 }),
				ToLimit:      ratioTo(limit),
				ToCaseharden: ratioTo(caseharden),
				Peak:         over(fresh[k][s], func(f started) float64 { return float64(f.peak) / (1 << 20) }),
			})
		}
		r.Kinds = append(r.Kinds, of)
	}
	for s, t := range targets {
		var all []started
		for k := range b.kinds {
			all = append(all, fresh[k][s]...)
		}
		r.Idle = append(r.Idle, Idle{
			Name:   t.name,
			Start:  over(all, func(f started) float64 { return f.start.Seconds() * 1e3 }),
			Memory: over(all, func(f started) float64 { return float64(f.idle) / (1 << 20) }),
		})
	}
	return r
}

func over[T any](all []T, value func(T) float64) stats.Spread {
	var values []float64
	for _, one := range all {
		values = append(values, value(one))
	}
	return stats.Of(values)
}
