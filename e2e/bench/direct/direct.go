// SPDX-License-Identifier: Apache-2.0

// Package direct measures webhooks straight over TLS and HTTP/2, without an API server:
// what each review takes of the server's processor, how many there are in a second, how
// long one takes, and how much memory the server needs for it.
package direct

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/caseharden/caseharden/e2e/bench/reviews"
	"github.com/caseharden/caseharden/e2e/bench/servers"
	"github.com/caseharden/caseharden/e2e/bench/stats"
)

// Options say what is measured.
type Options struct {
	Rounds   int           // of all kinds and all servers
	Duration time.Duration // of one measurement: one kind at one server
	Clients  int           // that send one review after the other, each on its own connection
	Corpus   string        // a file, or ""
	Dir      string        // for files of the servers
	Log      io.Writer     // for progress
}

// A Result has a median over the rounds for each kind and server.
type Result struct {
	Clients int      `json:"clients"`
	Rounds  int      `json:"rounds"`
	Servers []string `json:"servers"`
	Kinds   []Kind   `json:"kinds"`
	Idle    []Idle   `json:"idle"` // by server
}

// A Kind is what was measured with one kind of review.
type Kind struct {
	Name    string   `json:"name"`
	Bytes   int      `json:"bytes"`
	Servers []Server `json:"servers"` // in the order of Result.Servers
}

// A Server is what one server did with one kind of review.
type Server struct {
	CPU        stats.Spread `json:"cpuMicroseconds"` // of the server, for each review
	Throughput stats.Spread `json:"reviewsPerSecond"`
	P50        stats.Spread `json:"p50Milliseconds"`
	P99        stats.Spread `json:"p99Milliseconds"`
	Peak       stats.Spread `json:"peakMiB"` // resident
	// Ratio is its CPU by that of the first server, the limit, in the same round.
	Ratio stats.Spread `json:"cpuRatio"`
}

// Idle is a server that does nothing.
type Idle struct {
	Start  stats.Spread `json:"startMilliseconds"` // until it answers
	Memory stats.Spread `json:"residentMiB"`
}

// A target is a server to measure, and how it is started.
type target struct {
	name  string
	path  string
	start func(context.Context, servers.Binaries, string) (*servers.Server, error)
}

var targets = []target{
	{"limit", servers.PathLimit, func(ctx context.Context, b servers.Binaries, dir string) (*servers.Server, error) {
		return servers.StartLimit(ctx, b, dir)
	}},
	{"caseharden", servers.PathCaseharden, servers.StartCaseharden},
	{"controller-runtime", servers.PathControllerRuntime, servers.StartControllerRuntime},
}

// Run measures every server with every kind of review. In each round each kind is sent
// to one server after the other, so that a machine that is slow for a while is so for
// all of them; the ratios are of measurements that were neighbours.
func Run(ctx context.Context, binaries servers.Binaries, o Options) (Result, error) {
	kinds, err := reviews.Kinds(o.Corpus)
	if err != nil {
		return Result{}, err
	}
	r := Result{Clients: o.Clients, Rounds: o.Rounds}
	for _, t := range targets {
		r.Servers = append(r.Servers, t.name)
	}
	if r.Idle, err = measureIdle(ctx, binaries, o); err != nil {
		return Result{}, err
	}

	var clients []*client
	for _, t := range targets {
		s, err := t.start(ctx, binaries, o.Dir)
		if err != nil {
			return Result{}, err
		}
		defer s.Stop()
		c, err := newClient(s, t.path, o.Clients)
		if err != nil {
			return Result{}, err
		}
		clients = append(clients, c)
	}
	measured := make([][][]measurement, len(kinds)) // by kind, server and round
	for i := range measured {
		measured[i] = make([][]measurement, len(clients))
	}
	for round := range o.Rounds {
		for k, kind := range kinds {
			fmt.Fprintf(o.Log, "round %d of %d: %s\n", round+1, o.Rounds, kind.Name)
			// Each server follows each other one equally often.
			for i := range clients {
				s := (i + round) % len(clients)
				m, err := clients[s].measure(ctx, kind, o.Duration)
				if err != nil {
					return Result{}, fmt.Errorf("%s, %s: %w", targets[s].name, kind.Name, err)
				}
				measured[k][s] = append(measured[k][s], m)
			}
		}
	}
	for k, kind := range kinds {
		r.Kinds = append(r.Kinds, Kind{Name: kind.Name, Bytes: kind.Bytes(), Servers: summarize(measured[k])})
	}
	return r, nil
}

// summarize returns what the servers did with a kind of review, from the measurements by
// server and round.
func summarize(measured [][]measurement) []Server {
	var all []Server
	for _, rounds := range measured {
		over := func(value func(round int) float64) stats.Spread {
			var values []float64
			for round := range rounds {
				values = append(values, value(round))
			}
			return stats.Of(values)
		}
		all = append(all, Server{
			CPU:        over(func(i int) float64 { return rounds[i].cpu.Seconds() * 1e6 }),
			Throughput: over(func(i int) float64 { return rounds[i].perSecond }),
			P50:        over(func(i int) float64 { return rounds[i].p50.Seconds() * 1e3 }),
			P99:        over(func(i int) float64 { return rounds[i].p99.Seconds() * 1e3 }),
			Peak:       over(func(i int) float64 { return float64(rounds[i].peak) / (1 << 20) }),
			Ratio:      over(func(i int) float64 { return rounds[i].cpu.Seconds() / measured[0][i].cpu.Seconds() }),
		})
	}
	return all
}

// settle is how long a server is left alone before its memory is read.
const settle = 300 * time.Millisecond

// measureIdle starts each server several times over.
func measureIdle(ctx context.Context, binaries servers.Binaries, o Options) ([]Idle, error) {
	start := make([][]float64, len(targets))
	memory := make([][]float64, len(targets))
	for range o.Rounds {
		for i, t := range targets {
			began := time.Now()
			s, err := t.start(ctx, binaries, o.Dir)
			if err != nil {
				return nil, err
			}
			start[i] = append(start[i], time.Since(began).Seconds()*1e3)
			time.Sleep(settle)
			m, err := s.Process.Memory()
			if err != nil {
				return nil, err
			}
			memory[i] = append(memory[i], float64(m.Now)/(1<<20))
			if err := s.Stop(); err != nil {
				return nil, err
			}
		}
	}
	var idle []Idle
	for i := range targets {
		idle = append(idle, Idle{Start: stats.Of(start[i]), Memory: stats.Of(memory[i])})
	}
	return idle, nil
}

// percentile returns the value below which the share of them is; they must be sorted.
func percentile(sorted []time.Duration, share float64) time.Duration {
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

func sorted(latencies []time.Duration) []time.Duration {
	slices.Sort(latencies)
	return latencies
}
