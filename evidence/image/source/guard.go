// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"oras.land/oras-go/v2/registry/remote/retry"
)

// How long a registry may take.
const (
	dialTimeout     = 10 * time.Second
	responseTimeout = 30 * time.Second
	stallTimeout    = 60 * time.Second // between two pieces of a blob
)

// A guard sends requests by HTTPS, and without TLS only where that is allowed, also after
// redirects and to servers of tokens. It ends answers that stall.
type guard struct {
	next     http.RoundTripper
	insecure map[string]bool
}

// CheckHost returns an error for what is no host, with or without a port.
func CheckHost(host string) error {
	if host == "" || strings.ContainsAny(host, "/@ ") {
		return fmt.Errorf("%q: must be a host, with its port if it has one, such as registry.example.com:5000", host)
	}
	return nil
}

// Authorities returns the certificates of the system and those of a file in PEM, if there is one.
func Authorities(file []byte) (*x509.CertPool, error) {
	if file == nil {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // as on systems that have none
	}
	if !pool.AppendCertsFromPEM(file) {
		return nil, errors.New("no certificate in PEM")
	}
	return pool, nil
}

func newGuard(authorities *x509.CertPool, insecure []string) *guard {
	g := &guard{insecure: map[string]bool{}}
	for _, host := range insecure {
		g.insecure[strings.ToLower(host)] = true
	}
	g.next = &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  responseTimeout,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true, // blobs are as their digests say
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities},
	}
	return g
}

// client returns a client that tries again where an answer was temporary.
func (g *guard) client() *http.Client {
	policy := retry.GenericPolicy{
		Retryable: retry.DefaultPredicate, Backoff: retry.DefaultBackoff,
		MinWait: 200 * time.Millisecond, MaxWait: 3 * time.Second, MaxRetry: 3,
	}
	return &http.Client{Transport: &retry.Transport{Base: g, Policy: func() retry.Policy { return &policy }}}
}

// A PlainHTTPError says that a request was not sent since it would not be encrypted.
type PlainHTTPError struct{ Host string }

func (e *PlainHTTPError) Error() string {
	return fmt.Sprintf("plain HTTP with %s is not allowed", e.Host)
}

func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !g.mayBePlain(r.URL.Host) {
		return nil, &PlainHTTPError{Host: r.URL.Host}
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	response, err := g.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	body := &body{ReadCloser: response.Body, ctx: ctx, cancel: cancel}
	body.timer = time.AfterFunc(stallTimeout, func() { cancel(errStalled) })
	response.Body = body
	return response, nil
}

// mayBePlain reports whether a host may be spoken to without TLS.
func (g *guard) mayBePlain(host string) bool {
	host = strings.ToLower(host)
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if g.insecure[host] || g.insecure[name] || name == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && address.Unmap().IsLoopback()
}

var errStalled = fmt.Errorf("no data for %v", stallTimeout)

// An InterruptedError says that an answer broke off: to ask again may help.
type InterruptedError struct{ Err error }

func (e *InterruptedError) Error() string { return "the transfer was interrupted: " + e.Err.Error() }
func (e *InterruptedError) Unwrap() error { return e.Err }

// A body is that of an answer.
type body struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.timer.Reset(stallTimeout)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if cause := context.Cause(b.ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, context.Canceled) {
		return n, err
	}
	return n, &InterruptedError{Err: err}
}

func (b *body) Close() error {
	b.timer.Stop()
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}
