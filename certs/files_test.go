// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestNewFilesErrors(t *testing.T) {
	a, b := issue(t, time.Hour), issue(t, time.Hour)
	tests := []struct {
		name   string
		change func(volume)
		want   string // CERT and KEY stand for the paths
		is     error  // in its chain, if not nil
	}{
		{"certificate missing", func(v volume) { v.remove(v.cert()) }, `certificate file "CERT": no such file or directory`, fs.ErrNotExist},
		{"key missing", func(v volume) { v.remove(v.key()) }, `key file "KEY": no such file or directory`, fs.ErrNotExist},
		{"certificate is a directory", func(v volume) { v.remove(v.cert()); os.Mkdir(v.cert(), 0o700) }, `certificate file "CERT": is a directory`, nil},
		{"key too large", func(v volume) { v.write(v.key(), make([]byte, maxFileBytes+1)) }, `key file "KEY": larger than 1048576 bytes`, nil},
		{"largest key", func(v volume) { v.write(v.key(), make([]byte, maxFileBytes)) }, `key file "KEY": no PEM block`, nil},
		{"certificate unset", func(v volume) { v.write(v.cert(), nil) }, `certificate file "CERT": no PEM block`, nil},
		{"certificate truncated", func(v volume) { v.write(v.cert(), a.cert[:200]) }, `certificate file "CERT": truncated or malformed PEM block`, nil},
		{"key in place of the certificate", func(v volume) { v.write(v.cert(), a.key) }, `certificate file "CERT": no PEM block of type CERTIFICATE`, nil},
		{"key of another certificate", func(v volume) { v.write(v.key(), b.key) },
			`key file "KEY" for certificate file "CERT": tls: private key does not match public key`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, r := newVolume(t), newRecorder()
			v.put(a)
			tt.change(v)
			f, err := NewFiles(v.cert(), v.key(), r.logger, r.metrics)
			if f != nil || err == nil {
				t.Fatalf("NewFiles = %v, %v, want an error", f, err)
			}
			want := strings.NewReplacer("CERT", v.cert(), "KEY", v.key()).Replace(tt.want)
			want = strings.Replace(want, v.cert()+"IFICATE", "CERTIFICATE", 1)
			if err.Error() != want {
				t.Errorf("error = %s, want %s", err, want)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v is not %v", err, tt.is)
			}
			if r.log.String() != "" {
				t.Errorf("logged and returned: %s", &r.log)
			}
			r.wantMetrics(t, time.Time{}, time.Time{}, 0, 0, 0)
		})
	}
}

// TestNewFilesNotValidNow: such a pair is served, and Ready says why not.
func TestNewFilesNotValidNow(t *testing.T) {
	for _, tt := range []struct {
		name string
		made time.Duration // from now
		want string
	}{
		{"expired", -24 * time.Hour, "serving certificate expired at "},
		{"not yet valid", 24 * time.Hour, "serving certificate not yet valid until "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, r := newVolume(t), newRecorder()
			made := time.Now().Add(tt.made)
			g, err := newGeneration([]string{"localhost"}, nil, made, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			v.put(g)
			f, err := NewFiles(v.cert(), v.key(), r.logger, r.metrics)
			if err != nil {
				t.Fatal(err)
			}
			if got := serial(t, f); got != serialOf(t, g) {
				t.Errorf("serial = %s, want %s", got, serialOf(t, g))
			}
			if err := f.Ready(time.Now()); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("Ready = %v, want %s…", err, tt.want)
			}
			if err := f.Ready(made); err != nil {
				t.Errorf("Ready = %v, want nil at a time when it is valid", err)
			}
			if n := r.lines(`"level":"WARN"`); n != 1 {
				t.Errorf("%d warnings, want 1: %s", n, &r.log)
			}
			r.wantMetrics(t, made.Add(time.Hour), time.Time{}, 0, 0, 0)
		})
	}
}

// A mount is a Files that runs on a volume, inside a synctest bubble.
type mount struct {
	*recorder
	t *testing.T
	v volume
	f *Files
}

// run starts a Files on generation g and gives it to test. It also checks, for
// every test, that no key has reached the log.
func run(t *testing.T, test func(m *mount, g generation)) {
	v := newVolume(t)
	synctest.Test(t, func(t *testing.T) {
		g := issue(t, 24*time.Hour)
		v.swap(g)
		m := &mount{newRecorder(), t, v, nil}
		m.v.t = t
		var err error
		if m.f, err = NewFiles(v.cert(), v.key(), m.logger, m.metrics); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.f.Run(ctx) }()
		test(m, g)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		wantNoKey(t, m.log.String(), g.key)
	})
}

// poll lets n seconds pass, in which the files are read n times.
func (m *mount) poll(n int) {
	time.Sleep(time.Duration(n) * time.Second)
	synctest.Wait()
}

func (m *mount) wantServed(g generation) {
	m.t.Helper()
	if got, want := serial(m.t, m.f), serialOf(m.t, g); got != want {
		m.t.Errorf("serial = %s, want %s", got, want)
	}
	if err := m.f.Ready(time.Now()); err != nil {
		m.t.Errorf("Ready = %v, want nil", err)
	}
}

// want compares the log, as numbers of lines, and every metric.
func (m *mount) want(serving generation, rotations, read, parse int) {
	m.t.Helper()
	m.wantServed(serving)
	m.wantMetrics(m.t, parseCert(m.t, serving.cert).NotAfter, time.Time{}, rotations, read, parse)
	if got := m.lines(`"msg":"serving certificate loaded"`); got != rotations+1 {
		m.t.Errorf("%d lines say loaded, want %d: %s", got, rotations+1, &m.log)
	}
	if got := m.lines(`"level":"WARN"`); got != read+parse {
		m.t.Errorf("%d warnings, want %d: %s", got, read+parse, &m.log)
	}
}

func TestFilesSymlinkSwap(t *testing.T) {
	run(t, func(m *mount, g generation) {
		m.poll(3)
		m.want(g, 0, 0, 0)
		for i := range 3 {
			g = issue(t, time.Duration(i+48)*time.Hour)
			m.v.swap(g)
			m.poll(1)
			m.want(g, i+1, 0, 0)
		}
		m.poll(60)
		m.want(g, 3, 0, 0)
	})
}

func TestFilesKeyArrivesLater(t *testing.T) {
	run(t, func(m *mount, old generation) {
		next := issue(t, 48*time.Hour)
		m.v.write(m.v.cert(), next.cert)
		m.poll(10)
		m.want(old, 0, 0, 1)
		if m.lines("private key does not match public key") != 1 || m.lines(`"step":"parse"`) != 1 {
			t.Errorf("log does not say why: %s", &m.log)
		}
		m.v.write(m.v.key(), next.key)
		m.poll(1)
		m.want(next, 1, 0, 1)
		wantNoKey(t, m.log.String(), next.key)
	})
}

func TestFilesCertificateArrivesLater(t *testing.T) {
	run(t, func(m *mount, old generation) {
		next := issue(t, 48*time.Hour)
		m.v.write(m.v.key(), next.key)
		m.poll(10)
		m.want(old, 0, 0, 1)
		m.v.write(m.v.cert(), next.cert)
		m.poll(1)
		m.want(next, 1, 0, 1)
		wantNoKey(t, m.log.String(), next.key)
	})
}

// TestFilesTruncated cuts the new files at several lengths; each state counts
// once, however long it lasts.
func TestFilesTruncated(t *testing.T) {
	run(t, func(m *mount, old generation) {
		next := issue(t, 48*time.Hour)
		cuts := 0
		for n := 0; n < len(next.cert)-1; n += 97 {
			m.v.write(m.v.cert(), next.cert[:n])
			m.poll(5)
			cuts++
			m.want(old, 0, 0, cuts)
		}
		m.v.write(m.v.cert(), next.cert)
		for n := 0; n < len(next.key)-1; n += 31 {
			m.v.write(m.v.key(), next.key[:n])
			m.poll(5)
			cuts++
			m.want(old, 0, 0, cuts)
		}
		m.v.write(m.v.key(), next.key)
		m.poll(1)
		m.want(next, 1, 0, cuts)
		wantNoKey(t, m.log.String(), next.key)
	})
}

func TestFilesDeleted(t *testing.T) {
	run(t, func(m *mount, g generation) {
		m.v.remove(m.v.key())
		m.poll(60)
		m.want(g, 0, 1, 0)
		if m.lines("no such file or directory") != 1 || m.lines(`"step":"read"`) != 1 {
			t.Errorf("log does not say why: %s", &m.log)
		}

		// Another error is another line.
		m.v.remove(m.v.cert())
		m.poll(60)
		m.want(g, 0, 2, 0)

		// As they were: no rotation, and one line to end the matter.
		m.v.put(g)
		m.poll(60)
		m.want(g, 0, 2, 0)
		if n := m.lines("are again those being served"); n != 1 {
			t.Errorf("%d lines say that it is over, want 1: %s", n, &m.log)
		}

		// The same error after a recovery is news.
		m.v.remove(m.v.cert())
		m.poll(60)
		m.want(g, 0, 3, 0)

		next := issue(t, 48*time.Hour)
		m.v.put(next)
		m.poll(60)
		m.want(next, 1, 3, 0)
		if n := m.lines("are again those being served"); n != 1 {
			t.Errorf("%d lines say that it is over, want none more for a new pair: %s", n, &m.log)
		}
		m.v.remove(m.v.cert())
		m.poll(60)
		m.want(next, 1, 4, 0)
	})
}

func TestFilesSameBytesRewritten(t *testing.T) {
	run(t, func(m *mount, g generation) {
		before := m.log.String()
		certificate, _ := m.f.GetCertificate(nil)
		for range 5 {
			m.v.swap(g)
			m.poll(2)
			m.v.put(g)
			m.poll(2)
		}
		m.want(g, 0, 0, 0)
		if m.log.String() != before {
			t.Errorf("log = %s, want as before: %s", &m.log, before)
		}
		if now, _ := m.f.GetCertificate(nil); now != certificate {
			t.Error("the pair was loaded again, want the same one")
		}
	})
}

func TestFilesErrorsOncePerContent(t *testing.T) {
	run(t, func(m *mount, g generation) {
		garbage := func(s string) { m.v.write(m.v.cert(), []byte(s)); m.poll(30) }
		garbage("one")
		m.want(g, 0, 0, 1)
		garbage("two") // the same error, of other contents
		m.want(g, 0, 0, 2)
		garbage("two")
		m.want(g, 0, 0, 2)
		garbage("-----BEGIN CERTIFICATE-----\n") // another error
		m.want(g, 0, 0, 3)
		m.v.remove(m.v.cert()) // another step
		m.poll(30)
		m.want(g, 0, 1, 3)
		m.v.write(m.v.cert(), []byte("one"))
		m.poll(30)
		m.want(g, 0, 1, 4)
	})
}

// TestFilesTakesExpired: what is whole is taken, valid or not; the issuer and not
// this package decides on validity. Ready tells.
func TestFilesTakesExpired(t *testing.T) {
	run(t, func(m *mount, _ generation) {
		expired, err := newGeneration([]string{"localhost"}, nil, time.Now().Add(-2*time.Hour), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		m.v.swap(expired)
		m.poll(10)
		if got, want := serial(t, m.f), serialOf(t, expired); got != want {
			t.Errorf("serial = %s, want %s", got, want)
		}
		if err := m.f.Ready(time.Now()); err == nil {
			t.Error("Ready = nil, want expired")
		}
		if n := m.lines("not valid now"); n != 1 {
			t.Errorf("%d lines, want 1: %s", n, &m.log)
		}
	})
}

// TestFilesNeverLogsTheKey puts the new key where it should not be and as it
// should not be.
func TestFilesNeverLogsTheKey(t *testing.T) {
	run(t, func(m *mount, g generation) {
		next := issue(t, 48*time.Hour)
		block, _ := pem.Decode(next.key)
		states := [][]byte{
			next.key[:len(next.key)/2],
			next.key[60:],
			block.Bytes,
			pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}),
			pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: block.Bytes[1:]}),
			[]byte("-----BEGIN " + string(block.Bytes) + "-----\nAAAA\n-----END " + string(block.Bytes) + "-----\n"),
			pem.EncodeToMemory(&pem.Block{Type: "X", Headers: map[string]string{"K": string(next.key[30:90])}, Bytes: block.Bytes}),
			next.key,
		}
		for _, path := range []string{m.v.cert(), m.v.key()} {
			for _, text := range states {
				m.v.write(path, text)
				m.poll(1)
				m.wantServed(g)
			}
		}
		if n := m.lines(`"level":"WARN"`); n != 2*len(states) {
			t.Errorf("%d warnings, want %d", n, 2*len(states))
		}
		m.v.put(next)
		m.poll(1)
		m.wantServed(next)
		wantNoKey(t, m.log.String(), next.key)
	})
}

func TestFilesRunReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, r := newVolume(t), newRecorder()
		v.put(issue(t, time.Hour))
		f, err := NewFiles(v.cert(), v.key(), r.logger, r.metrics)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		if err := f.Run(ctx); err != nil || time.Since(start) != 0 {
			t.Errorf("Run = %v after %s, want nil at once", err, time.Since(start))
		}
	})
}

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
			url := serve(t, f, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
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
					t.Fatal("the new pair is not taken")
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
// whole pair.
func TestFilesHandshakesDuringSwaps(t *testing.T) {
	generations := make([]generation, 20)
	for i := range generations {
		generations[i] = issue(t, time.Hour)
	}
	v, r := newVolume(t), newRecorder()
	v.swap(generations[0])
	f, err := NewFiles(v.cert(), v.key(), r.logger, r.metrics)
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(serve(t, f, http.NotFoundHandler()), "https://")
	config := &tls.Config{RootCAs: poolOf(generations...)}

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
	for _, g := range generations[1:] {
		v.swap(g)
		f.poll()
		time.Sleep(5 * time.Millisecond)
	}
	close(stop)
	clients.Wait()
	r.wantMetrics(t, parseCert(t, generations[19].cert).NotAfter, time.Time{}, 19, 0, 0)
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
	conn, err := tls.Dial("tcp", strings.TrimPrefix(serve(t, f, http.NotFoundHandler()), "https://"), &tls.Config{RootCAs: poolOf(g)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got := conn.ConnectionState().PeerCertificates
	if len(got) != 2 || !got[0].Equal(parseCert(t, g.cert)) || !got[1].Equal(parseCert(t, other.ca)) {
		t.Errorf("%d certificates, want the leaf and the rest of the chain", len(got))
	}
}
