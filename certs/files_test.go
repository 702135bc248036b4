// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"strings"
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

// TestNewFilesNotValidNow: such a certificate is served, and Ready returns the reason.
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
			g, err := newKeyPair([]string{"localhost"}, made, time.Hour)
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

// run starts a Files on key pair g and gives it to test. It also checks, for
// every test, that no key has reached the log.
func run(t *testing.T, test func(m *mount, g *keyPair)) {
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

func (m *mount) wantServed(g *keyPair) {
	m.t.Helper()
	if got, want := serial(m.t, m.f), serialOf(m.t, g); got != want {
		m.t.Errorf("serial = %s, want %s", got, want)
	}
	if err := m.f.Ready(time.Now()); err != nil {
		m.t.Errorf("Ready = %v, want nil", err)
	}
}

// want compares the log, as numbers of lines, and every metric.
func (m *mount) want(serving *keyPair, rotations, read, parse int) {
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
	run(t, func(m *mount, g *keyPair) {
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
	run(t, func(m *mount, old *keyPair) {
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
	run(t, func(m *mount, old *keyPair) {
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
	run(t, func(m *mount, old *keyPair) {
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
	run(t, func(m *mount, g *keyPair) {
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
		if n := m.lines(`"msg":"certificate reconciliation recovered"`); n != 1 {
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
		if n := m.lines(`"msg":"certificate reconciliation recovered"`); n != 2 {
			t.Errorf("%d lines say that it is over, want 2: %s", n, &m.log)
		}
		m.v.remove(m.v.cert())
		m.poll(60)
		m.want(next, 1, 4, 0)
	})
}

func TestFilesSameBytesRewritten(t *testing.T) {
	run(t, func(m *mount, g *keyPair) {
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
			t.Error("the certificate was loaded again, want the same one")
		}
	})
}

func TestFilesErrorsOncePerContent(t *testing.T) {
	run(t, func(m *mount, g *keyPair) {
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
	run(t, func(m *mount, _ *keyPair) {
		expired, err := newKeyPair([]string{"localhost"}, time.Now().Add(-2*time.Hour), time.Hour)
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
	run(t, func(m *mount, g *keyPair) {
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
