// SPDX-License-Identifier: Apache-2.0

package direct

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/caseharden/caseharden/e2e/bench/reviews"
	"github.com/caseharden/caseharden/e2e/bench/servers"
)

// A client sends reviews to a server over several connections, on each one after the
// other.
type client struct {
	server      *servers.Server
	url         string
	connections []*http.Client
}

func newClient(s *servers.Server, path string, connections int) (*client, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CA) {
		return nil, fmt.Errorf("%s: its CA is no PEM", s.Name)
	}
	c := &client{server: s, url: "https://" + s.Addr + path}
	for range connections {
		c.connections = append(c.connections, &http.Client{Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: pool},
			ForceAttemptHTTP2: true,
			MaxConnsPerHost:   1,
		}})
	}
	return c, nil
}

// A measurement is what a server did for one kind of review in one round.
type measurement struct {
	cpu       time.Duration // of the server, for each review
	perSecond float64
	p50, p99  time.Duration
	peak      int64 // bytes, resident
}

// measure sends reviews of a kind for the duration. Every answer must be a review that
// allows.
func (c *client) measure(ctx context.Context, kind reviews.Kind, duration time.Duration) (measurement, error) {
	// What others have left to be collected is not this one's.
	if _, err := c.send(ctx, kind, 0); err != nil {
		return measurement{}, err
	}
	if err := c.server.Process.ResetPeak(); err != nil {
		return measurement{}, err
	}
	before, err := c.server.Process.CPU()
	if err != nil {
		return measurement{}, err
	}
	began := time.Now()
	latencies, err := c.send(ctx, kind, duration)
	if err != nil {
		return measurement{}, err
	}
	took := time.Since(began)
	after, err := c.server.Process.CPU()
	if err != nil {
		return measurement{}, err
	}
	memory, err := c.server.Process.Memory()
	if err != nil {
		return measurement{}, err
	}
	return measurement{
		cpu:       (after - before) / time.Duration(len(latencies)),
		perSecond: float64(len(latencies)) / took.Seconds(),
		p50:       percentile(sorted(latencies), .5),
		p99:       percentile(sorted(latencies), .99),
		peak:      memory.Peak,
	}, nil
}

// send returns how long each review took. On each connection at least one is sent.
func (c *client) send(ctx context.Context, kind reviews.Kind, duration time.Duration) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	deadline := time.Now().Add(duration)
	all := make([][]time.Duration, len(c.connections))
	var wg sync.WaitGroup
	for i, connection := range c.connections {
		wg.Go(func() {
			answer := &bytes.Buffer{}
			for n := i; ; n++ {
				body := kind.Bodies[n%len(kind.Bodies)]
				began := time.Now()
				if err := post(ctx, connection, c.url, body, answer); err != nil {
					cancel(err)
					return
				}
				all[i] = append(all[i], time.Since(began))
				if time.Now().After(deadline) {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	var latencies []time.Duration
	for _, own := range all {
		latencies = append(latencies, own...)
	}
	return latencies, nil
}

// post sends a review and reads the answer.
func post(ctx context.Context, connection *http.Client, url string, body []byte, answer *bytes.Buffer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := connection.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer.Reset()
	if _, err := io.Copy(answer, response.Body); err != nil {
		return err
	}
	switch {
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %.200s", response.Status, answer)
	case response.ProtoMajor != 2:
		return errors.New("the server does not speak HTTP/2")
	case !bytes.Contains(answer.Bytes(), []byte(`"allowed":true`)):
		return fmt.Errorf("the answer does not allow: %.200s", answer)
	}
	return nil
}
