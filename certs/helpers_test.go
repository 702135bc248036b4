// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// issue makes a key pair for localhost, as an issuer would that is not us.
func issue(t *testing.T, lifetime time.Duration) *keyPair {
	t.Helper()
	g, err := newKeyPair([]string{"localhost", "127.0.0.1"}, time.Now(), lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// parseCert returns the only certificate in text.
func parseCert(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || len(rest) != 0 {
		t.Fatalf("want exactly one CERTIFICATE block in %q", text)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// parseKey returns the only private key in text.
func parseKey(t *testing.T, text []byte) *ecdsa.PrivateKey {
	t.Helper()
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" || len(rest) != 0 {
		t.Fatal("want exactly one PRIVATE KEY block")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*ecdsa.PrivateKey)
}

func poolOf(pairs ...*keyPair) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, g := range pairs {
		pool.AppendCertsFromPEM(g.ca)
	}
	return pool
}

// serial returns the serial number of the certificate that s serves.
func serial(t *testing.T, s Source) string {
	t.Helper()
	c, err := s.GetCertificate(&tls.ClientHelloInfo{ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf.SerialNumber.Text(16)
}

func serialOf(t *testing.T, g *keyPair) string {
	t.Helper()
	return parseCert(t, g.cert).SerialNumber.Text(16)
}

// A volume is a directory with tls.crt and tls.key.
type volume struct {
	t   *testing.T
	dir string
}

func newVolume(t *testing.T) volume {
	return volume{t, t.TempDir()}
}

func (v volume) cert() string { return filepath.Join(v.dir, "tls.crt") }
func (v volume) key() string  { return filepath.Join(v.dir, "tls.key") }

func (v volume) write(path string, text []byte) {
	v.t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		v.t.Fatal(err)
	}
}

func (v volume) remove(path string) {
	v.t.Helper()
	if err := os.Remove(path); err != nil {
		v.t.Fatal(err)
	}
}

// put writes the certificate and the key in place, one file after the other.
func (v volume) put(g *keyPair) {
	v.t.Helper()
	v.write(v.cert(), g.cert)
	v.write(v.key(), g.key)
}

// swap publishes the two as the kubelet does: a new directory, and the symlink
// ..data renamed to it. The two files are symlinks through ..data, made once.
func (v volume) swap(g *keyPair) {
	v.t.Helper()
	must := func(err error) {
		v.t.Helper()
		if err != nil {
			v.t.Fatal(err)
		}
	}
	data := filepath.Join(v.dir, "..data")
	old, err := os.Readlink(data)
	first := os.IsNotExist(err)
	if !first {
		must(err)
	}
	next, err := os.MkdirTemp(v.dir, "..2026_")
	must(err)
	v.write(filepath.Join(next, "tls.crt"), g.cert)
	v.write(filepath.Join(next, "tls.key"), g.key)
	must(os.Symlink(filepath.Base(next), data+"_tmp"))
	must(os.Rename(data+"_tmp", data))
	if first {
		must(os.Symlink("..data/tls.crt", v.cert()))
		must(os.Symlink("..data/tls.key", v.key()))
		return
	}
	must(os.RemoveAll(filepath.Join(v.dir, old)))
}

// A buffer is one that a logger fills while a test reads it.
type buffer struct {
	mu   sync.Mutex // guards the following
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// A recorder is what a Source is given to tell its news to.
type recorder struct {
	log      buffer
	logger   *slog.Logger
	registry *prometheus.Registry
	metrics  *Metrics
}

func newRecorder() *recorder {
	r := &recorder{registry: prometheus.NewPedanticRegistry()}
	r.logger = slog.New(slog.NewJSONHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.metrics = NewMetrics(r.registry)
	return r
}

// lines returns how many log lines contain s.
func (r *recorder) lines(s string) int {
	n := 0
	for line := range strings.Lines(r.log.String()) {
		if strings.Contains(line, s) {
			n++
		}
	}
	return n
}

// wantNoKey fails if key material is in text.
func wantNoKey(t *testing.T, text string, keyPEM []byte) {
	t.Helper()
	if form := keyIn(t, text, keyPEM); form != "" {
		t.Fatalf("text holds key material (%s)", form)
	}
}

// keyIn returns the form in which text holds a piece of the key that is long
// enough to be no accident, or "".
func keyIn(t *testing.T, text string, keyPEM []byte) string {
	t.Helper()
	const piece = 12
	for name, form := range keyForms(t, keyPEM) {
		for i := range len(form) - piece + 1 {
			if strings.Contains(text, form[i:i+piece]) {
				return name
			}
		}
	}
	return ""
}

// keyForms are the ways in which a key could get into text. They are those of the
// private scalar, since all else in a key file is public. In base64 there is one
// for each alignment, which depends on what surrounds the scalar.
func keyForms(t *testing.T, keyPEM []byte) map[string]string {
	t.Helper()
	scalar, err := parseKey(t, keyPEM).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"raw":              string(scalar),
		"hex":              hex.EncodeToString(scalar),
		"upper-case hex":   strings.ToUpper(hex.EncodeToString(scalar)),
		"number":           new(big.Int).SetBytes(scalar).String(),
		"base64 (PKCS #8)": base64.StdEncoding.EncodeToString(scalar),
		"base64 (SEC 1)":   base64.StdEncoding.EncodeToString(scalar[2:]),
		"base64, shifted":  base64.StdEncoding.EncodeToString(scalar[1:]),
		"base64 for URLs":  base64.RawURLEncoding.EncodeToString(scalar),
		"[]byte as %v":     strings.Trim(fmt.Sprintf("%v", scalar), "[]"),
		"[]byte as %#v":    strings.TrimPrefix(fmt.Sprintf("%#v", scalar), "[]byte{"),
		"[]byte as JSON":   strings.Trim(strings.ReplaceAll(fmt.Sprintf("%v", scalar), " ", ","), "[]"),
	}
}

// serveTLS runs a real HTTPS server on loopback, which has no certificate but the
// source's, and returns its URL.
func serveTLS(t *testing.T, s Source, h http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler:           h,
		TLSConfig:         &tls.Config{GetCertificate: s.GetCertificate},
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.ServeTLS(listener, "", "")
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return "https://" + listener.Addr().String()
}
