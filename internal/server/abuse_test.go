// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"
)

// Everything that a clumsy client or an attacker may do, against the real
// process. After each: the next good review is answered, and the memory that
// the process ever took is bounded.
func TestAbuse(t *testing.T) {
	t.Parallel()
	caFile, trust := ephemeralCA(t)
	p := serveBuilt(t, "--ca-file", caFile)
	t.Logf("memory at the start: %d MiB", p.memory(t, "VmHWM"))
	a := newAttacker(t, p, "127.0.0.2")
	for _, attack := range []struct {
		name string
		do   func(*testing.T, *attacker)
	}{
		{"bodies", badBodies},
		{"headers", badHeaders},
		{"not TLS", notTLS},
		{"large bodies", floodOfBodies},
		{"stalled bodies", stalledBodies},
		{"requests that nobody reads the answer of", floodOfStreams},
		{"large answers that nobody reads", floodOfAnswers},
		{"resets", floodOfResets},
		{"connections that are idle", floodOfConnections},
		{"connections that are active", floodOfActive},
		{"scrapes that nobody reads", floodOfScrapes},
	} {
		t.Run(attack.name, func(t *testing.T) {
			mine := *a
			mine.t = t // what it opens is closed after the attack
			attack.do(t, &mine)
			p.mustServe(t, newClient(t, trust()))
			t.Logf("memory: %d MiB, at most so far: %d", p.memory(t, "VmRSS"), p.memory(t, "VmHWM"))
		})
	}
	client := newClient(t, trust())
	p.mustServe(t, client)
	if most := p.memory(t, "VmHWM"); most > maxMemory {
		t.Errorf("the process took %d MiB, want at most %d", most, maxMemory)
	}
}

// mustServe demands that a good review is answered. The API server waits for 10
// seconds where nobody says otherwise; on a machine of its own this takes
// milliseconds. While the requests of a crowd that has just been sent are more than
// there may be, a review is hung up on or answered 429 as they are, and has to come again.
func (p *process) mustServe(t *testing.T, client *http.Client) {
	t.Helper()
	client.Timeout = 5 * time.Second
	start := time.Now()
	err := p.review(client)
	crowded := func() bool {
		return err != nil && (strings.Contains(err.Error(), "INTERNAL_ERROR") || strings.Contains(err.Error(), "with 429"))
	}
	for crowded() && time.Since(start) < slack {
		time.Sleep(10 * time.Millisecond)
		err = p.review(client)
	}
	if err != nil {
		t.Errorf("the next good review: %v", err)
	}
	t.Logf("a good review is answered after %v", time.Since(start).Round(time.Millisecond))
	if code, body := p.probe(t, "/healthz"); code != http.StatusOK {
		t.Errorf("/healthz = %d %s", code, body)
	}
}

func badBodies(t *testing.T, a *attacker) {
	good := reviewOf(barePod)
	deep := func(open, shut string, n int) string { return strings.Repeat(open, n) + strings.Repeat(shut, n) }
	for _, tt := range []struct {
		name string
		body io.Reader
		code int
		want string
	}{
		{"empty", http.NoBody, 400, "the body is empty"},
		{"8 MiB", bytes.NewReader(make([]byte, 8<<20)), 413, "the body is over 7 MiB"},
		{"8 MiB without a length", io.LimitReader(zeros{}, 8<<20), 413, "the body is over 7 MiB"},
		{"gzip garbage", strings.NewReader("\x1f\x8b\x08\x00garbage"), 400, "is not JSON"},
		{"deep lists", strings.NewReader(reviewOf(deep("[", "]", 3<<20))), 400, "exceeded max depth"},
		{"less deep lists", strings.NewReader(reviewOf(deep("[", "]", 50_000))), 400, "exceeded max depth"},
		{"deep objects with long names", strings.NewReader(reviewOf(deep(`{"`+strings.Repeat("a", 600)+`":`, `}`, 11_000))), 400, "exceeded max depth"},
		{"a wrong kind with a long name", strings.NewReader(`{"apiVersion":"admission.k8s.io/v1","kind":"` + strings.Repeat(`\n`, 3<<20) + `"}`), 400, "must be an AdmissionReview"},
		{"duplicate keys", strings.NewReader(strings.Replace(good, `"name":"app"`, `"name":"app","name":"app"`, 1)), 400, "duplicate object member name"},
		{"many containers", strings.NewReader(reviewOf(`{"spec":{"containers":[{}` + strings.Repeat(",{}", 2e6) + `]}}`)), 413, "of memory"},
		{"half", strings.NewReader(good[:len(good)/2]), 400, "unexpected EOF"},
	} {
		response, text, err := a.target.post(a.client(), "/enforce/hardened", tt.body)
		if err != nil || response.StatusCode != tt.code || !strings.Contains(text, tt.want) || strings.Count(text, "\n") != 1 || len(text) > 2000 || strings.Contains(text, "patch") {
			t.Errorf("%s: %v %.300s, want %d and %q", tt.name, err, text, tt.code, tt.want)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func badHeaders(t *testing.T, a *attacker) {
	large := strings.Repeat("x", 2*maxHeaderBytes)
	conn, err := a.http1("POST /enforce/hardened HTTP/1.1\r\nHost: localhost\r\nX: " + large + "\r\n")
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("HTTP/1.1: %v, %v, want 431", response, err)
	}

	request, err := http.NewRequest(http.MethodPost, "https://"+a.target.addr+"/enforce/hardened", strings.NewReader(reviewOf(barePod)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X", large)
	if response, err := a.client().Do(request); err == nil {
		response.Body.Close()
		if response.StatusCode < 400 {
			t.Errorf("HTTP/2: %s", response.Status)
		}
	}

	// A header that never ends (CVE-2023-45288).
	endless, err := a.http2(0)
	if err != nil {
		t.Fatal(err)
	}
	sent, piece := 0, bytes.Repeat([]byte{0, 1, 'x', 1, 'y'}, 3000)
	for err = endless.frame(frameHeaders, 0, 1, requestHeader("/enforce/hardened")); err == nil && sent < 256<<20; sent += len(piece) {
		err = endless.frame(frameContinuation, 0, 1, piece)
	}
	if err == nil {
		t.Errorf("%d bytes of header were accepted", sent)
	}
}

func notTLS(t *testing.T, a *attacker) {
	conn, err := a.tcp()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "POST /enforce/hardened HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
	if said, _, err := hungUp(conn, time.Now()); err != nil || !strings.HasPrefix(said, "HTTP/1.0 400 ") {
		t.Errorf("plain HTTP: %q, %v, want 400", said, err)
	}
	if conn, err = a.tcp(); err != nil {
		t.Fatal(err)
	}
	conn.Write(bytes.Repeat([]byte{0}, 1<<10))
	if _, _, err := hungUp(conn, time.Now()); err != nil {
		t.Errorf("no protocol at all: %v", err)
	}
}

// 200 bodies of 6 MiB at once, nineteen times what may be in memory: some are
// answered, the others asked to try again, none is answered with anything else.
func floodOfBodies(t *testing.T, a *attacker) {
	body := []byte(reviewOf(strings.Replace(barePod, `"web"`, `"`+strings.Repeat("x", 6<<20)+`"`, 1)))
	client := a.client()
	var mu sync.Mutex
	codes := map[int]int{}
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			code := 0
			// On a busy machine a handshake of so many may run into its timeout.
			for try := 0; code == 0 && try < 3; try++ {
				response, _, err := a.target.post(client, "/enforce/hardened", bytes.NewReader(body))
				if err == nil {
					code = response.StatusCode
				} else {
					t.Log(err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	all.Wait()
	t.Logf("answers: %v", codes)
	// On a busy machine some take long enough to be dropped as stalled.
	refused := codes[http.StatusTooManyRequests] + codes[http.StatusRequestTimeout]
	if codes[http.StatusOK] == 0 || refused == 0 || codes[http.StatusOK]+refused != 200 {
		t.Errorf("answers: %v, want some 200, some 429 or 408 and no other", codes)
	}
}

// Bodies of all sizes of which the last byte never comes, together all that may
// be in memory: they have to make room long before their own timeout.
func stalledBodies(t *testing.T, a *attacker) {
	var all sync.WaitGroup
	for _, crowd := range []struct{ clients, bytes int }{{12, 7 << 20}, {20, 1 << 20}, {70, 15 << 10}, {70, 1 << 10}} {
		for range crowd.clients {
			all.Go(func() {
				head := fmt.Sprintf("POST /enforce/hardened HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", crowd.bytes)
				// Some are hung up on while they send.
				_, _ = a.http1(head + strings.Repeat(" ", crowd.bytes-1))
			})
		}
	}
	all.Wait()
}

// As many streams as can be, on as many connections as can be, each with a
// review whose answer the client leaves no room for: all that they hold is let
// go when there are too many.
func floodOfStreams(t *testing.T, a *attacker) {
	review := []byte(reviewOf(barePod))
	large := append(bytes.Clone(review), bytes.Repeat([]byte(" "), 15<<10)...)
	a.unreading(maxConnections, func(i int, c rawHTTP2) {
		for stream := range uint32(maxStreams) {
			path, body := "/enforce/hardened", review
			if i%2 == 1 { // answered before the body is read, which stays in the buffers
				path, body = "/nowhere", large
			}
			// The window of a connection ends this at some point.
			if err := c.post(2*stream+1, path, body); err != nil {
				return
			}
		}
	})
	t.Logf("%d streams: memory %d MiB", maxConnections*maxStreams, a.target.memory(t, "VmRSS"))
}

// Small reviews with large answers, which the client leaves no room for: together
// they would be three times what may wait to be written.
func floodOfAnswers(t *testing.T, a *attacker) {
	review := []byte(reviewOf(`{"spec":{"containers":[{}` + strings.Repeat(",{}", 1500) + `]}}`))
	a.unreading(10, func(_ int, c rawHTTP2) {
		for stream := range uint32(6) {
			if err := c.post(2*stream+1, "/enforce/hardened", review); err != nil {
				return
			}
		}
	})
}

// Requests that are cancelled as soon as they are sent (CVE-2023-44487).
func floodOfResets(t *testing.T, a *attacker) {
	header := requestHeader("/enforce/hardened")
	a.unreading(20, func(_ int, c rawHTTP2) {
		for stream := uint32(1); stream < 20_000; stream += 2 {
			two := append(frameBytes(frameHeaders, flagEndHeaders, stream, header), frameBytes(frameReset, 0, stream, []byte{0, 0, 0, 8})...)
			if _, err := c.Write(two); err != nil {
				return // it was told to calm down
			}
		}
	})
}

// 10,000 connections that nothing comes over; a tenth have shaken hands, half of
// those for HTTP/2. A client elsewhere does not even lose its connection.
func floodOfConnections(t *testing.T, a *attacker) {
	other := newClient(t, insecure())
	a.target.mustServe(t, other) // the crowd before may still be under way
	most := min(10_000, openFiles(t))
	if most < 10_000 {
		t.Logf("the machine allows %d connections only", most)
	}
	handshakes := 0
	var mu sync.Mutex
	slots := make(chan struct{}, 20)
	var all sync.WaitGroup
	for i := range most {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			var err error
			switch i % 20 {
			case 0:
				_, err = a.tls("http/1.1")
			case 1:
				_, err = a.http2(0)
			default:
				if _, err = a.tcp(); err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil { // with the others coming in, it may be closed while it shakes hands
				mu.Lock()
				handshakes++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	t.Logf("%d idle connections, %d of them after a handshake: memory %d MiB", most, handshakes, a.target.memory(t, "VmRSS"))
	a.target.mustServe(t, newClient(t, insecure()))
	if a.dialer.LocalAddr != nil {
		mustReuse(t, a.target, other)
	}
}

// mustReuse demands a good review on the connection that the client has.
func mustReuse(t *testing.T, p *process, client *http.Client) {
	t.Helper()
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if !info.Reused {
			t.Error("the client has lost its connection")
		}
	}}
	ctx := httptrace.WithClientTrace(context.Background(), trace)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+p.addr+"/enforce/hardened", strings.NewReader(reviewOf(barePod)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("answer = %s", response.Status)
	}
}

// halfSent is a review that goes on for as long as the server lets it.
const halfSent = "POST /enforce/hardened HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"

// More active connections than there may be do not lock out a client that has
// another address.
func floodOfActive(t *testing.T, a *attacker) {
	for range maxConnections + 50 {
		if _, err := a.http1(halfSent); err != nil {
			continue // closed, as one too many
		}
	}
	client := newClient(t, insecure())
	if a.dialer.LocalAddr == nil {
		// Where both have to share an address, the client is served when the others
		// have run into their timeout.
		client.Timeout = time.Second
		for end := time.Now().Add(readTimeout + slack); a.target.review(client) != nil; {
			if time.Now().After(end) {
				t.Errorf("locked out for %s", readTimeout+slack)
				return
			}
		}
	}
	for range 3 {
		a.target.mustServe(t, client)
	}
}

// The listener without TLS is bounded as well.
func floodOfScrapes(t *testing.T, a *attacker) {
	metrics := *a
	metrics.target = &process{addr: a.target.metricsAddr}
	for range maxPlainConnections + 50 {
		conn, err := metrics.tcp()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, strings.Repeat("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 100))
	}
	if code, _ := a.target.probe(t, "/readyz"); code != http.StatusOK {
		t.Errorf("/readyz = %d", code)
	}
}
