// SPDX-License-Identifier: Apache-2.0

// Package servers compiles and starts the webhooks that benchmarks compare: Caseharden,
// the same in controller-runtime, and the limit, which answers with constants. All of them
// are processes on loopback with a certificate of the same kind.
package servers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/caseharden/caseharden/e2e/cluster"
	"github.com/caseharden/caseharden/e2e/process"
	"github.com/caseharden/caseharden/e2e/webhook"
)

// Where the webhooks answer reviews. The limit does so where it is told to.
const (
	PathCaseharden        = "/enforce/hardened"
	PathControllerRuntime = "/mutate"
)

// Binaries are the paths of the compiled webhooks.
type Binaries struct {
	Caseharden, ControllerRuntime, Limit string
}

// Compile builds the webhooks and reports its progress to log. It takes a minute the
// first time.
func Compile(ctx context.Context, log io.Writer) (Binaries, error) {
	module, err := cluster.ModuleDir()
	if err != nil {
		return Binaries{}, err
	}
	dir, err := cluster.BinDir()
	if err != nil {
		return Binaries{}, err
	}
	b := Binaries{
		ControllerRuntime: filepath.Join(dir, "bench-controllerruntime"),
		Limit:             filepath.Join(dir, "bench-limit"),
	}
	if b.Caseharden, err = webhook.Compile(ctx, log); err != nil {
		return Binaries{}, err
	}
	for _, p := range []cluster.Program{
		{
			Name: "the webhook in controller-runtime",
			Dir:  filepath.Join(module, "bench", "controllerruntime"),
			Args: []string{"-buildvcs=false", "."},
			Out:  b.ControllerRuntime,
		},
		{
			Name: "the webhook that answers with constants",
			Dir:  module,
			Args: []string{"-buildvcs=false", "./bench/limit"},
			Out:  b.Limit,
		},
	} {
		if err := cluster.Compile(ctx, log, p); err != nil {
			return Binaries{}, err
		}
	}
	return b, nil
}

// A Server is a running webhook.
type Server struct {
	Name    string
	Addr    string // host:port
	CA      []byte // PEM, of its certificate
	Process *process.Process
}

// StartCaseharden runs the product as it is run in a cluster, but for its addresses and
// its certificate.
func StartCaseharden(ctx context.Context, b Binaries, dir string) (*Server, error) {
	return start(ctx, "caseharden", b.Caseharden, dir,
		"serve", "--metrics-addr=127.0.0.1:0", "--log-format=json", "--shutdown-delay=0s")
}

// StartControllerRuntime runs the webhook in controller-runtime.
func StartControllerRuntime(ctx context.Context, b Binaries, dir string) (*Server, error) {
	return start(ctx, "controller-runtime", b.ControllerRuntime, dir)
}

// StartLimit runs the webhook that answers with constants: those that [WriteAnswers] has
// written to dir.
func StartLimit(ctx context.Context, b Binaries, dir string) (*Server, error) {
	return start(ctx, "limit", b.Limit, dir, "--answers="+filepath.Join(dir, answersFile))
}

// start runs binary with args and the flags for its address and its certificate, which
// is made for it, and returns when it serves. Its files go to dir, under its name. The
// caller must call Stop.
func start(ctx context.Context, name, binary, dir string, args ...string) (*Server, error) {
	certPEM, keyPEM, err := newCertificate(time.Now())
	if err != nil {
		return nil, err
	}
	certFile, keyFile := filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	if err := os.WriteFile(certFile, certPEM, 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(keyFile, keyPEM, 0o600); err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	for attempt := 1; ; attempt++ {
		addr, err := freeAddress()
		if err != nil {
			return nil, err
		}
		all := append(args[:len(args):len(args)], "--addr="+addr, "--tls-cert="+certFile, "--tls-key="+keyFile)
		p, err := process.Start(name, filepath.Join(dir, name+".log"), binary, all...)
		if err != nil {
			return nil, err
		}
		// Nobody else has the key: it is this process that answers.
		err = p.WaitReady(ctx, func(ctx context.Context) error {
			dialer := tls.Dialer{Config: &tls.Config{RootCAs: pool}}
			connection, err := dialer.DialContext(ctx, "tcp", addr)
			if err != nil {
				return err
			}
			return connection.Close()
		})
		if err == nil {
			return &Server{Name: name, Addr: addr, CA: certPEM, Process: p}, nil
		}
		ended := p.Exited()
		p.Kill()
		// Somebody may have taken the port in between.
		if !ended || attempt == 3 {
			return nil, err
		}
	}
}

// Stop ends the webhook and waits for it. It returns an error if it had ended before.
func (s *Server) Stop() error { return s.Process.Stop() }

// freeAddress returns an address on loopback with a port that is free now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
