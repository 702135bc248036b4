// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/caseharden/caseharden/e2e/testbed/process"
)

// A load is requests that clients send, each client one after the other.
type load struct {
	clients []*http.Client
	token   string // of the user, if any
	request func(n int) (url string, body []byte)
	check   func(answer []byte) error   // cheap, as it runs beside what is measured
	servers map[string]*process.Process // by the metric of their CPU
}

// newClients returns clients with a connection each.
func newClients(ca []byte) []*http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	all := make([]*http.Client, clients)
	for i := range all {
		all[i] = &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true, MaxConnsPerHost: 1,
		}}
	}
	return all
}

// run sends requests for the duration and measures. An answer that check rejects is an error.
func (l *load) run(ctx context.Context, duration time.Duration) (sample, error) {
	// The first requests clear what another load has left in caches.
	if _, err := l.send(ctx, 0); err != nil {
		return nil, err
	}
	s := sample{}
	addCPU := func(sign float64) error {
		for metric, p := range l.servers {
			used, err := p.CPU()
			if err != nil {
				return err
			}
			s[metric] += sign * used.Seconds() * 1e6
		}
		return nil
	}
	if err := addCPU(-1); err != nil {
		return nil, err
	}
	began := time.Now()
	latencies, err := l.send(ctx, duration)
	if err != nil {
		return nil, err
	}
	took := time.Since(began)
	if err := addCPU(1); err != nil {
		return nil, err
	}
	n := float64(len(latencies))
	for metric := range s {
		s[metric] /= n
	}
	slices.Sort(latencies)
	s[perSecond], s[p50], s[p99] = n/took.Seconds(), quantile(latencies, 0.5), quantile(latencies, 0.99)
	return s, nil
}

// send returns the milliseconds that each request took. Each client sends at least one.
func (l *load) send(ctx context.Context, duration time.Duration) ([]float64, error) {
	deadline := time.Now().Add(duration)
	all := make([][]float64, len(l.clients))
	group, ctx := errgroup.WithContext(ctx)
	for i, client := range l.clients {
		group.Go(func() error {
			answer := &bytes.Buffer{}
			for n := i; len(all[i]) == 0 || time.Now().Before(deadline); n++ {
				url, body := l.request(n)
				began := time.Now()
				if err := post(ctx, client, url, l.token, body, answer); err != nil {
					return err
				}
				all[i] = append(all[i], time.Since(began).Seconds()*1e3)
				if err := l.check(answer.Bytes()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return slices.Concat(all...), err
}

// post sends a body and reads the answer into a buffer, which it empties first.
func post(ctx context.Context, client *http.Client, url, token string, body []byte, answer *bytes.Buffer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer.Reset()
	if _, err := answer.ReadFrom(response.Body); err != nil {
		return err
	}
	if response.StatusCode/100 != 2 || response.ProtoMajor != 2 {
		return fmt.Errorf("the answer must be a success over HTTP/2, got %s, %s: %.500s", response.Proto, response.Status, answer)
	}
	return nil
}
