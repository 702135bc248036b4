// SPDX-License-Identifier: Apache-2.0

//go:build linux

package direct

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/caseharden/caseharden/e2e/bench/servers"
	"github.com/caseharden/caseharden/e2e/bench/stats"
)

// A client sends reviews to a server over several connections, on each one after the
// other.
type client struct {
	target      target
	server      *servers.Server
	connections []*http.Client
	checked     map[*kind]bool
}

func newClient(s *servers.Server, t target, connections int) (*client, error) {
	c := &client{target: t, server: s, checked: map[*kind]bool{}}
	for range connections {
		connection, err := s.NewClient()
		if err != nil {
			return nil, err
		}
		c.connections = append(c.connections, connection)
	}
	return c, nil
}

// close ends the connections, which a server that stops would wait for.
func (c *client) close() {
	for _, connection := range c.connections {
		connection.CloseIdleConnections()
	}
}

// url returns where a review of a kind goes.
func (c *client) url(k *kind, review int) string {
	return "https://" + c.server.Addr + cmp.Or(c.target.path, k.path(review))
}

// A measurement is what a server did for one kind of review in one round.
type measurement struct {
	cpu       time.Duration // of the server, for each review
	perSecond float64
	p50, p99  float64 // milliseconds
}

// measure sends reviews of a kind for the duration. Every answer must be a review that
// allows, with a patch exactly if there is one to make.
func (c *client) measure(ctx context.Context, k *kind, duration time.Duration) (measurement, error) {
	if !c.checked[k] {
		if err := c.check(ctx, k); err != nil {
			return measurement{}, err
		}
		c.checked[k] = true
	}
	// What reviews of another kind have left behind is not this one's: the first of the
	// kind come before the measurement.
	if _, err := c.send(ctx, k, 0); err != nil {
		return measurement{}, err
	}
	before, err := c.server.Process.CPU()
	if err != nil {
		return measurement{}, err
	}
	began := time.Now()
	latencies, err := c.send(ctx, k, duration)
	if err != nil {
		return measurement{}, err
	}
	took := time.Since(began)
	after, err := c.server.Process.CPU()
	if err != nil {
		return measurement{}, err
	}
	slices.Sort(latencies)
	return measurement{
		cpu:       (after - before) / time.Duration(len(latencies)),
		perSecond: float64(len(latencies)) / took.Seconds(),
		p50:       stats.Quantile(latencies, 0.5),
		p99:       stats.Quantile(latencies, 0.99),
	}, nil
}

// send returns how many milliseconds each review took. On each connection at least one is
// sent.
func (c *client) send(ctx context.Context, k *kind, duration time.Duration) ([]float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	deadline := time.Now().Add(duration)
	all := make([][]float64, len(c.connections))
	var group sync.WaitGroup
	for i, connection := range c.connections {
		group.Go(func() {
			answer := &bytes.Buffer{}
			for n := i; ; n++ {
				review := n % len(k.Bodies)
				url := c.url(k, review)
				began := time.Now()
				err := servers.Post(ctx, connection, url, k.Bodies[review], answer)
				took := time.Since(began)
				if err == nil {
					err = k.glance(answer.Bytes())
				}
				if err != nil {
					cancel(err)
					return
				}
				all[i] = append(all[i], took.Seconds()*1e3)
				if time.Now().After(deadline) {
					return
				}
			}
		})
	}
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return slices.Concat(all...), nil
}
