// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestFilesConnections: a connection made before the swap is used after it, with
// a response that was on its way; a new connection gets the new certificate.
func TestFilesConnections(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			old, next := issue(t, time.Hour), issue(t, time.Hour)
			v, r := newVolume(t), newRecorder()
			v.swap(old)
			f, err := NewFiles(v.cert(), v.key(), r.logger, r.metrics)
			if err != nil {
				t.Fatal(err)
			}
			go f.Run(t.Context())

			swapped := make(chan struct{})
			url := serveTLS(t, f, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				fmt.Fprint(w, req.RemoteAddr)
				if req.URL.Path == "/long" {
					http.NewResponseController(w).Flush()
					<-swapped
					fmt.Fprint(w, " done")
				}
			}))
			newClient := func() *http.Client {
				transport := &http.Transport{
					TLSClientConfig:   &tls.Config{RootCAs: poolOf(old, next)},
					ForceAttemptHTTP2: protocol == "HTTP/2.0",
				}
				t.Cleanup(transport.CloseIdleConnections)
				return &http.Client{Transport: transport, Timeout: 30 * time.Second}
			}
			get := func(c *http.Client, path string) *http.Response {
				t.Helper()
				response, err := c.Get(url + path)
				if err != nil {
					t.Fatal(err)
				}
				if response.Proto != protocol {
					t.Fatalf("protocol = %s, want %s", response.Proto, protocol)
				}
				return response
			}
			body := func(response *http.Response) string {
				t.Helper()
				defer response.Body.Close()
				text, err := io.ReadAll(response.Body)
				if err != nil {
					t.Fatal(err)
				}
				return string(text)
			}
			served := func(response *http.Response) string { return response.TLS.PeerCertificates[0].SerialNumber.Text(16) }

			client := newClient()
			long := get(client, "/long") // its header is here, its body is not
			if got := served(long); got != serialOf(t, old) {
				t.Fatalf("serial = %s, want the old %s", got, serialOf(t, old))
			}

			v.swap(next)
			for deadline := time.Now().Add(20 * time.Second); serial(t, f) != serialOf(t, next); {
				if time.Now().After(deadline) {
					t.Fatal("the new certificate is not loaded")
				}
				time.Sleep(10 * time.Millisecond)
			}
			close(swapped)

			address, ok := strings.CutSuffix(body(long), " done")
			if !ok {
				t.Error("the response on its way was cut off")
			}
			again := get(client, "/")
			if got := body(again); got != address {
				t.Errorf("connection from %s, want the one from before the swap, %s", got, address)
			}
			if got := served(again); got != serialOf(t, old) {
				t.Errorf("serial on the old connection = %s, want %s", got, serialOf(t, old))
			}
			fresh := get(newClient(), "/")
			body(fresh)
			if got := served(fresh); got != serialOf(t, next) {
				t.Errorf("serial on a new connection = %s, want %s", got, serialOf(t, next))
			}
		})
	}
}

// TestFilesHandshakesDuringSwaps: whatever the moment of a handshake, it gets a
// certificate with its key.
func TestFilesHandshakesDuringSwaps(t *testing.T) {
	pairs := make([]*keyPair, 20)
	for i := range pairs {
		pairs[i] = issue(t, time.Hour)
	}
	v, r := newVolume(t), newRecorder()
	v.swap(pairs[0])
	f, err := NewFiles(v.cert(), v.key(), r.logger, r.metrics)
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(serveTLS(t, f, http.NotFoundHandler()), "https://")
	config := &tls.Config{RootCAs: poolOf(pairs...)}

	var clients sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				conn, err := tls.Dial("tcp", address, config)
				if err != nil {
					t.Error(err)
					return
				}
				conn.Close()
			}
		})
	}
	for _, g := range pairs[1:] {
		v.swap(g)
		f.poll()
		time.Sleep(5 * time.Millisecond)
	}
	close(stop)
	clients.Wait()
	r.wantMetrics(t, parseCert(t, pairs[19].cert).NotAfter, time.Time{}, 19, 0, 0)
}

// TestFilesServesTheChain: intermediates reach the client.
func TestFilesServesTheChain(t *testing.T) {
	g, other := issue(t, time.Hour), issue(t, time.Hour)
	v, r := newVolume(t), newRecorder()
	v.put(g)
	v.write(v.cert(), bytes.Join([][]byte{g.cert, other.ca}, nil))
	f, err := NewFiles(v.cert(), v.key(), r.logger, r.metrics)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(serveTLS(t, f, http.NotFoundHandler()), "https://"), &tls.Config{RootCAs: poolOf(g)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got := conn.ConnectionState().PeerCertificates
	if len(got) != 2 || !got[0].Equal(parseCert(t, g.cert)) || !got[1].Equal(parseCert(t, other.ca)) {
		t.Errorf("%d certificates, want the leaf and the rest of the chain", len(got))
	}
}
