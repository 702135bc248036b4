// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/product/webhook"
)

// A replica is one pod of the Deployment, with a proxy to the API server.
type replica struct {
	webhook.Replica
	in    *installation
	proxy *proxy

	mu       sync.Mutex // guards the following
	lifetime time.Duration
}

func newReplica(ctx context.Context, t *testing.T, in *installation, dir string) *replica {
	t.Helper()
	r := &replica{Replica: webhook.Replica{Binary: binary, Dir: dir}, in: in, lifetime: in.lifetime}
	r.proxy = newProxy(t, r)
	t.Cleanup(r.End)
	go r.Watch(ctx, 75*time.Millisecond, time.Second, false)
	return r
}

// start starts a process.
func (r *replica) start() error {
	r.mu.Lock()
	lifetime := r.lifetime
	r.mu.Unlock()
	return r.Start(context.Background(), func(dir string) ([]string, error) {
		kubeconfig := filepath.Join(dir, "kubeconfig")
		return []string{
			"--tls-secret=" + r.in.name + "/" + secretName, "--webhook-config=" + r.in.name,
			"--service=caseharden." + r.in.name, "--cert-host=127.0.0.1", "--kubeconfig=" + kubeconfig,
			"--cert-lifetime=" + lifetime.String(), "--cert-propagation=" + r.in.propagation.String(),
		}, r.proxy.writeKubeconfig(kubeconfig)
	})
}

// restartWith ends the process and starts another with a lifetime of its own, in which
// a certificate that lives longer is due at once.
func (r *replica) restartWith(t *testing.T, lifetime time.Duration) {
	t.Helper()
	r.Kill()
	r.mu.Lock()
	r.lifetime = lifetime
	r.mu.Unlock()
	if err := r.start(); err != nil {
		t.Fatal(err)
	}
}

// supervise starts a process again whenever one has been killed, as a kubelet does.
func (in *installation) supervise(ctx context.Context, t *testing.T) {
	for _, r := range in.replicas {
		go every(ctx, 100*time.Millisecond, func() {
			if r.Running() != nil {
				return
			}
			if err := r.start(); err != nil && !errors.Is(err, webhook.ErrNotRunning) {
				t.Error(err)
			}
		})
	}
}

// handshake returns the certificate that the replica serves, without checking who trusts it.
func (r *replica) handshake(ctx context.Context) (*x509.Certificate, error) {
	return r.Certificate(ctx, &tls.Config{InsecureSkipVerify: true}) // the caller verifies
}

// metric reads a metric of the product's.
func (r *replica) metric(t *testing.T, series string) float64 {
	t.Helper()
	metrics, err := r.Running().Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	value, found := metrics[series]
	if !found {
		t.Fatalf("there is no metric %s", series)
	}
	return value
}

// A line is one of the product's log.
type line struct {
	Time                                        time.Time
	Level, Msg, Step, Because, Error, Namespace string
}

// log reads what all the processes so far have logged.
func (r *replica) log() ([]line, []byte, error) {
	files, err := filepath.Glob(filepath.Join(r.Dir, "*", "caseharden.log"))
	if err != nil {
		return nil, nil, err
	}
	var lines []line
	var all []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, text...)
		for l := range bytes.Lines(text) {
			var parsed line
			if err := json.Unmarshal(l, &parsed); err != nil {
				// The last line of a process that was killed, or nothing of slog's.
				parsed = line{Msg: string(l)}
			}
			lines = append(lines, parsed)
		}
	}
	return lines, all, nil
}

// says is an error unless one of the replicas has logged such a line since.
func (in *installation) says(since time.Time, wanted func(line) bool) error {
	for _, r := range in.replicas {
		lines, _, err := r.log()
		if err != nil {
			return err
		}
		for _, l := range lines {
			if l.Time.After(since) && wanted(l) {
				return nil
			}
		}
	}
	return fmt.Errorf("no such line since %s", since.Format(time.TimeOnly))
}
