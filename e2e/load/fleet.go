// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caseharden/caseharden/e2e/product/webhook"
)

// shutdownDelay is how long a replica that is told to end serves on, unready. It is far
// longer than the balancer takes to see that.
const shutdownDelay = 2 * time.Second

// A replica is one of the fleet, with a certificate from files.
type replica struct {
	webhook.Replica
	issuer *issuer
}

func newReplica(binary, dir string, issuer *issuer) *replica {
	return &replica{Replica: webhook.Replica{Binary: binary, Dir: dir}, issuer: issuer}
}

// start starts the replica with a certificate from files, in the way in which a kubelet
// mounts them.
func (r *replica) start(ctx context.Context) error {
	return r.Start(ctx, func(string) ([]string, error) {
		_, err := r.renew()
		return []string{"--shutdown-delay=" + shutdownDelay.String(),
			"--tls-cert=" + filepath.Join(r.Dir, "tls", "tls.crt"), "--tls-key=" + filepath.Join(r.Dir, "tls", "tls.key")}, err
	})
}

// renew replaces the files of the certificate, both in one step, and returns the
// serial number of the new one.
func (r *replica) renew() (serial string, err error) {
	certificate, cert, key, err := r.issuer.issue()
	if err != nil {
		return "", err
	}
	serial = certificate.SerialNumber.Text(16)
	generation := filepath.Join(r.Dir, "tls-"+serial)
	link := filepath.Join(r.Dir, "tls")
	old, _ := os.Readlink(link)
	return serial, errors.Join(
		os.Mkdir(generation, 0o700),
		os.WriteFile(filepath.Join(generation, "tls.crt"), cert, 0o600),
		os.WriteFile(filepath.Join(generation, "tls.key"), key, 0o600),
		os.Symlink(generation, link+".new"),
		os.Rename(link+".new", link),
		removeAll(old),
	)
}

func removeAll(dir string) error {
	if dir == "" {
		return nil
	}
	return os.RemoveAll(dir)
}

// served returns the serial number of the certificate that new connections get.
func (r *replica) served(ctx context.Context) (string, error) {
	certificate, err := r.Certificate(ctx, r.issuer.trust())
	if err != nil {
		return "", err
	}
	return certificate.SerialNumber.Text(16), nil
}

// end tells the replica to end, as a kubelet does, and demands that it does so in order.
func (r *replica) end() error {
	p := r.Running().Process()
	if err := p.Terminate(); err != nil {
		return err
	}
	select {
	case <-p.Done():
	case <-time.After(drainTimeout):
		p.Kill()
		return fmt.Errorf("a replica has not ended %s after SIGTERM", drainTimeout)
	}
	if p.Outcome() != "exit status 0" || !strings.Contains(p.LogTail(), `"msg":"drained"`) {
		return p.Failed("not drained: " + p.Outcome())
	}
	return nil
}

// drainTimeout is longer than the shutdown delay and all timeouts of one request.
const drainTimeout = 40 * time.Second

// An issuer is a CA, which every client trusts.
type issuer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newIssuer() (*issuer, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA of the soak"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	certificate, err := sign(template, template, key, key)
	return &issuer{certificate, key}, err
}

// issue returns a new serving certificate and, in PEM, what is in its files.
func (i *issuer) issue() (certificate *x509.Certificate, cert, key []byte, err error) {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, DNSNames: []string{serverName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, nil, err
	}
	if certificate, err = sign(template, i.certificate, private, i.key); err != nil {
		return nil, nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, nil, err
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return certificate, cert, key, nil
}

func sign(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// serverName is by which API servers call a webhook of a Service.
const serverName = "caseharden.caseharden.svc"

// trust is the TLS of a client.
func (i *issuer) trust(protocols ...string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(i.certificate)
	return &tls.Config{RootCAs: pool, ServerName: serverName, NextProtos: protocols}
}
