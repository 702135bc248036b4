// SPDX-License-Identifier: Apache-2.0

// Package registry runs a registry of container images, the one of the distribution project,
// with TLS and a password, for tests. It listens on loopback alone.
package registry

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/crypto/bcrypt"

	"github.com/caseharden/caseharden/e2e/testbed/process"
)

// Options say how the registry is set up.
type Options struct {
	Plain    bool   // HTTP without TLS
	User     string // who may push and pull; empty is everybody
	Password string
}

// A Registry is one that runs.
type Registry struct {
	Host   string // with the port
	CAFile string // certificate of its authority, in PEM; empty without TLS

	dir     string
	options Options
	process *process.Process
	client  *http.Client
}

// Start starts the program of package tools in a directory, which keeps the images too.
func Start(ctx context.Context, binary, dir string, o Options) (*Registry, error) {
	r := &Registry{dir: dir, options: o, client: &http.Client{}}
	// The registry does not say on which port it listens: it is asked for one that is free now.
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r.Host = free.Addr().String()
	free.Close()
	config := map[string]any{
		"version": "0.1",
		"log":     map[string]any{"level": "warn", "accesslog": map[string]any{"disabled": true}},
		"storage": map[string]any{"filesystem": map[string]any{"rootdirectory": filepath.Join(dir, "images")}},
		"http":    map[string]any{"addr": r.Host, "secret": "of a test"},
	}
	if !o.Plain {
		certificate, key, err := r.certificate(dir)
		if err != nil {
			return nil, err
		}
		config["http"].(map[string]any)["tls"] = map[string]any{"certificate": certificate, "key": key}
	}
	if o.User != "" {
		hash, err := bcrypt.GenerateFromPassword([]byte(o.Password), bcrypt.MinCost)
		if err != nil {
			return nil, err
		}
		file := filepath.Join(dir, "htpasswd")
		if err := os.WriteFile(file, []byte(o.User+":"+string(hash)+"\n"), 0o600); err != nil {
			return nil, err
		}
		config["auth"] = map[string]any{"htpasswd": map[string]any{"realm": "test", "path": file}}
	}
	text, err := json.Marshal(config) // JSON is YAML
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	env := []string{"OTEL_TRACES_EXPORTER=none"}
	if r.process, err = process.StartWith(env, "registry", filepath.Join(dir, "registry.log"), binary, "serve", file); err != nil {
		return nil, err
	}
	err = r.process.WaitReady(ctx, func(ctx context.Context) error {
		response, err := r.do(ctx, http.MethodGet, r.URL("/v2/"), "", nil)
		if err == nil {
			response.Body.Close()
		}
		return err
	})
	if err != nil {
		_ = r.process.Stop()
		return nil, err
	}
	return r, nil
}

// Stop ends the registry.
func (r *Registry) Stop() error { return r.process.Stop() }

// Process returns the process, for what it uses.
func (r *Registry) Process() *process.Process { return r.process }

// URL returns an address of the registry.
func (r *Registry) URL(path string) string {
	if r.options.Plain {
		return "http://" + r.Host + path
	}
	return "https://" + r.Host + path
}

// WriteDockerConfig writes a config.json with the user of the registry, for DOCKER_CONFIG.
func (r *Registry) WriteDockerConfig(dir string) error {
	auth := base64.StdEncoding.EncodeToString([]byte(r.options.User + ":" + r.options.Password))
	text, err := json.Marshal(map[string]any{"auths": map[string]any{r.Host: map[string]string{"auth": auth}}})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600)
}

// certificate writes a certificate for the registry, which is its own authority, and its key.
func (r *Registry) certificate(dir string) (certificate, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "registry of a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return "", "", err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	r.CAFile, key = filepath.Join(dir, "registry.pem"), filepath.Join(dir, "registry.key")
	for name, block := range map[string]*pem.Block{r.CAFile: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: encoded}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			return "", "", err
		}
	}
	pool := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return "", "", err
	}
	pool.AddCert(parsed)
	r.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 8}
	return r.CAFile, key, nil
}

// refused is an answer that is not a success.
type refused struct{ method, url, status string }

func (r refused) Error() string { return fmt.Sprintf("%s %s: %s", r.method, r.url, r.status) }

// Forget removes the content of a blob from the disk, so that nobody can read it any more.
func (r *Registry) Forget(d digest.Digest) error {
	file := filepath.Join(r.dir, "images", "docker", "registry", "v2", "blobs", d.Algorithm().String(), d.Encoded()[:2], d.Encoded(), "data")
	return os.Remove(file)
}
