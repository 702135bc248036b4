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
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caseharden/caseharden/e2e/product/webhook"
)

// A replica is one pod of the Deployment: a process, and after its end another.
type replica struct {
	in    *installation
	dir   string
	proxy *proxy
	ready atomic.Bool // as the endpoints of the Service have it

	mu       sync.Mutex // guards the following
	lifetime time.Duration
	current  *webhook.Webhook // nil while there is none
	lives    int
	killed   time.Time // the last time
	ended    bool      // for good
}

var errNotRunning = errors.New("does not run")

func newReplica(ctx context.Context, t *testing.T, in *installation, dir string) *replica {
	t.Helper()
	r := &replica{in: in, dir: dir, lifetime: in.lifetime}
	r.proxy = newProxy(t, r)
	t.Cleanup(func() {
		r.mu.Lock()
		r.ended = true
		r.mu.Unlock()
		r.kill()
	})
	go every(ctx, 75*time.Millisecond, func() {
		probe, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		r.ready.Store(r.isReady(probe) == nil)
	})
	return r
}

// start starts a process.
func (r *replica) start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return errNotRunning
	}
	r.lives++
	dir := filepath.Join(r.dir, strconv.Itoa(r.lives))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := r.proxy.writeKubeconfig(kubeconfig); err != nil {
		return err
	}
	w, err := webhook.StartManaged(context.Background(), binary, dir,
		"--tls-secret="+r.in.name+"/"+secretName, "--webhook-config="+r.in.name,
		"--service=caseharden."+r.in.name, "--cert-host=127.0.0.1", "--kubeconfig="+kubeconfig,
		"--cert-lifetime="+r.lifetime.String(), "--cert-propagation="+r.in.propagation.String())
	if err != nil {
		return err
	}
	r.current = w
	return nil
}

// kill ends the process without a chance to do anything, and returns when it is gone.
func (r *replica) kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil {
		return
	}
	r.ready.Store(false)
	r.current.Process().Kill()
	r.current, r.killed = nil, time.Now()
}

// restartWith ends the process and starts another with a lifetime of its own, in which
// a certificate that lives longer is due at once.
func (r *replica) restartWith(t *testing.T, lifetime time.Duration) {
	t.Helper()
	r.kill()
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
			if r.running() != nil {
				return
			}
			if err := r.start(); err != nil && !errors.Is(err, errNotRunning) {
				t.Error(err)
			}
		})
	}
}

// running returns the process, nil if there is none.
func (r *replica) running() *webhook.Webhook {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

func (r *replica) killedAfter(at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.killed.After(at)
}

func (r *replica) isReady(ctx context.Context) error {
	w := r.running()
	if w == nil {
		return errNotRunning
	}
	return w.Ready(ctx)
}

// handshake returns the certificate that the replica serves, whoever trusts it.
func (r *replica) handshake(ctx context.Context) (*x509.Certificate, error) {
	w := r.running()
	if w == nil {
		return nil, errNotRunning
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // the caller verifies
	conn, err := dialer.DialContext(ctx, "tcp", w.Addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// dial connects to the webhook, if the replica is ready.
func (r *replica) dial() (*net.TCPConn, error) {
	w := r.running()
	if w == nil || !r.ready.Load() {
		return nil, errNotRunning
	}
	conn, err := net.DialTimeout("tcp", w.Addr, time.Second)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// metric reads a metric of the product's.
func (r *replica) metric(t *testing.T, series string) float64 {
	t.Helper()
	metrics, err := r.running().Metrics(t.Context())
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
	files, err := filepath.Glob(filepath.Join(r.dir, "*", "caseharden.log"))
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
