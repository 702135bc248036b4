// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caseharden/caseharden/internal/certtest"
)

// --client-ca: nobody speaks to the webhook who cannot show a certificate of it.
func TestClientCA(t *testing.T) {
	t.Parallel()
	ca, stranger := certtest.New(t), certtest.New(t)
	caFile, trust := ephemeralCA(t)
	p := serveChecked(t, "--ca-file", caFile, "--client-ca", ca.File(t))

	expired := certtest.ClientCertificate()
	expired.NotAfter = time.Now().Add(-time.Minute)
	for _, tt := range []struct {
		name        string
		certificate *tls.Certificate
		want        string // part of the error
	}{
		{"a certificate of the CA", new(ca.IssueFor(t, certtest.ClientCertificate())), ""},
		{"none", nil, "certificate required"},
		{"one of another CA", new(stranger.IssueFor(t, certtest.ClientCertificate())), "certificate"},
		{"one for servers", new(ca.IssueFor(t, certtest.ServerCertificate())), "bad certificate"},
		{"one that has expired", new(ca.IssueFor(t, expired)), "expired certificate"},
	} {
		config := trust()
		if tt.certificate != nil {
			// Certificates would be held back by the client itself, where the server
			// does not name their CA.
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return tt.certificate, nil }
		}
		err := p.handshake(t, config)
		if err == nil {
			err = p.review(newClient(t, config))
		}
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("client with %s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// --client-allowed-names: of the certificates of the CA, only those with one of the names.
// Without the flag every name is allowed. A name is the common name, the whole of it, as
// for --requestheader-allowed-names of the API server.
func TestClientAllowedNames(t *testing.T) {
	t.Parallel()
	ca := certtest.New(t)
	caFile, trust := ephemeralCA(t)
	anyFile, trustAny := ephemeralCA(t)
	named := serveChecked(t, "--ca-file", caFile, "--client-ca", ca.File(t), "--client-allowed-names=other,system:kube-apiserver")
	unnamed := serveChecked(t, "--ca-file", anyFile, "--client-ca", ca.File(t))
	for name, allowed := range map[string]bool{
		"system:kube-apiserver": true, "other": true,
		"system:node:a": false, "system:kube-apiserver2": false, "SYSTEM:kube-apiserver": false, "": false,
	} {
		template := certtest.ClientCertificate()
		template.Subject.CommonName, template.DNSNames = name, []string{"other"}
		certificate := ca.IssueFor(t, template)
		show := func(config *tls.Config) *tls.Config {
			config.Certificates, config.ClientSessionCache = []tls.Certificate{certificate}, tls.NewLRUClientSessionCache(1)
			return config
		}
		err := named.handshake(t, show(trust()))
		if err == nil {
			err = named.review(newClient(t, show(trust())))
		}
		if allowed && err != nil || !allowed && (err == nil || !strings.Contains(err.Error(), "bad certificate")) {
			t.Errorf("common name %q: %v, want it allowed: %t", name, err, allowed)
		}
		if err := unnamed.review(newClient(t, show(trustAny()))); err != nil {
			t.Errorf("without the flag, common name %q: %v", name, err)
		}
	}
}

// handshake returns the error of a handshake. In TLS 1.3 a client learns that its
// certificate was refused only when it reads; the HTTP/2 client may lose that.
func (p *process) handshake(t *testing.T, config *tls.Config) error {
	t.Helper()
	conn, err := tls.Dial("tcp", p.addr, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(patience))
	conn.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
	_, err = conn.Read(make([]byte, 1))
	return err
}

func TestTLSVersions(t *testing.T) {
	t.Parallel()
	caFile, trust := ephemeralCA(t)
	for _, tt := range []struct {
		flags   []string
		version uint16
		served  bool
	}{
		{nil, tls.VersionTLS13, true},
		{nil, tls.VersionTLS12, true},
		{nil, tls.VersionTLS11, false},
		{nil, tls.VersionTLS10, false},
		{[]string{"--tls-min-version=1.3"}, tls.VersionTLS13, true},
		{[]string{"--tls-min-version=1.3"}, tls.VersionTLS12, false},
	} {
		p := serveChecked(t, append(tt.flags, "--ca-file", caFile)...)
		config := trust()
		config.MinVersion, config.MaxVersion = tt.version, tt.version
		err := p.review(newClient(t, config))
		switch {
		case tt.served && err != nil:
			t.Errorf("%v %s: %v", tt.flags, tls.VersionName(tt.version), err)
		case !tt.served && (err == nil || !strings.Contains(err.Error(), "protocol version not supported")):
			t.Errorf("%v %s: %v, want it to be refused", tt.flags, tls.VersionName(tt.version), err)
		}
		p.command.Process.Kill()
	}
}

// A renewed certificate is taken without a word to those who are connected.
func TestCertificateFilesAreReloaded(t *testing.T) {
	t.Parallel()
	ca := certtest.New(t)
	certFile, keyFile := ca.IssueFiles(t, certtest.ServerCertificate())
	p := serveChecked(t, "--tls-cert", certFile, "--tls-key", keyFile)
	trust := &tls.Config{RootCAs: ca.Pool()}
	client := newClient(t, trust)

	var stop atomic.Bool
	var busy sync.WaitGroup
	for range 4 {
		busy.Go(func() {
			for !stop.Load() {
				if err := p.review(client); err != nil {
					t.Errorf("while the certificate changes: %v", err)
					return
				}
			}
		})
	}
	before := p.serial(t, trust)
	for range 2 {
		cert, key := ca.Issue(t, certtest.ServerCertificate())
		certtest.ReplaceFile(t, certFile, cert) // for a moment the two do not match
		certtest.ReplaceFile(t, keyFile, key)
		eventually(t, "serving the new certificate", func() bool { return p.serial(t, trust) != before })
		before = p.serial(t, trust)
	}
	stop.Store(true)
	busy.Wait()

	// That the client is on the connection it began with shows in the certificate.
	response, _, err := p.post(client, "/enforce/hardened", strings.NewReader(reviewOf(barePod)))
	if err != nil || response.TLS.PeerCertificates[0].SerialNumber.String() == before {
		t.Errorf("the connection was not kept: %v", err)
	}
	if _, text := p.probe(t, "/metrics"); !strings.Contains(text, "\ncaseharden_certificate_rotations_total 2\n") {
		t.Error("the metrics do not count two rotations")
	}
}

// serial returns the serial number of the certificate that a new connection sees.
func (p *process) serial(t *testing.T, config *tls.Config) string {
	t.Helper()
	conn, err := tls.Dial("tcp", p.addr, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// An expired certificate is served, so that its client says what is wrong, and
// the kubelet is told.
func TestExpiredCertificate(t *testing.T) {
	t.Parallel()
	ca := certtest.New(t)
	expired := certtest.ServerCertificate()
	expired.NotAfter = time.Now().Add(-time.Minute)
	certFile, keyFile := ca.IssueFiles(t, expired)
	p := serveChecked(t, "--tls-cert", certFile, "--tls-key", keyFile)

	code, body := p.probe(t, "/readyz")
	if want := "serving certificate expired at " + expired.NotAfter.UTC().Format(time.RFC3339) + "\n"; code != http.StatusServiceUnavailable || body != want {
		t.Errorf("/readyz = %d %q, want 503 %q", code, body, want)
	}
	if code, _ := p.probe(t, "/healthz"); code != http.StatusOK {
		t.Errorf("/healthz = %d: a restart would not help", code)
	}
	if _, text := p.probe(t, "/metrics"); !strings.Contains(text, "\ncaseharden_ready 0\n") {
		t.Error("with an expired certificate its metrics say that it is ready")
	}
	if err := p.review(newClient(t, &tls.Config{RootCAs: ca.Pool()})); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("review: %v, want that the certificate has expired", err)
	}

	cert, key := ca.Issue(t, certtest.ServerCertificate())
	certtest.ReplaceFile(t, certFile, cert)
	certtest.ReplaceFile(t, keyFile, key)
	eventually(t, "ready", func() bool { code, _ := p.probe(t, "/readyz"); return code == http.StatusOK })
}
