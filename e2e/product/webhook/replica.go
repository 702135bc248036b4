// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caseharden/caseharden/e2e/testbed/balancer"
)

// A Replica is one pod of the Deployment at its place: a process, and after its end
// another. It is a balancer's Backend.
type Replica struct {
	Binary string
	Dir    string // each process has a directory in it

	ready atomic.Bool // as the endpoints of the Service have it

	mu      sync.Mutex // guards the following
	current *Webhook   // nil while there is none
	lives   int
	killed  time.Time // the last time
	ended   bool      // for good
}

// ErrNotRunning is the error of a Replica without a process.
var ErrNotRunning = errors.New("does not run")

// Start starts a process, see StartManaged, with the flags that are returned for its
// directory.
func (r *Replica) Start(ctx context.Context, flags func(dir string) ([]string, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return ErrNotRunning
	}
	r.lives++
	dir := filepath.Join(r.Dir, strconv.Itoa(r.lives))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	args, err := flags(dir)
	if err != nil {
		return err
	}
	w, err := StartManaged(ctx, r.Binary, dir, args...)
	if err != nil {
		return err
	}
	r.current = w
	return nil
}

// Running returns the process, nil if there is none.
func (r *Replica) Running() *Webhook {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

// Lives returns how many processes have been started.
func (r *Replica) Lives() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lives
}

// Kill ends the process without a chance to do anything, and returns when it is gone.
func (r *Replica) Kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kill()
}

// End is Kill, after which Start fails.
func (r *Replica) End() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.kill()
}

// kill is Kill. The caller must hold r.mu.
func (r *Replica) kill() {
	if r.current == nil {
		return
	}
	r.ready.Store(false)
	r.current.Process().Kill()
	r.current, r.killed = nil, time.Now()
}

// KilledAfter reports whether the last Kill was after a time.
func (r *Replica) KilledAfter(at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.killed.After(at)
}

// CheckReady asks the process whether it is ready; its answer is the error if it is not.
func (r *Replica) CheckReady(ctx context.Context) error {
	w := r.Running()
	if w == nil {
		return ErrNotRunning
	}
	return w.Ready(ctx)
}

// Watch asks the process again and again whether it is ready, as a kubelet does, only more
// often, until the context ends. No answer within the timeout means that it is not ready,
// unless patient.
func (r *Replica) Watch(ctx context.Context, every, timeout time.Duration, patient bool) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for ctx.Err() == nil {
		asking, cancel := context.WithTimeout(ctx, timeout)
		err := r.CheckReady(asking)
		cancel()
		if !patient || !errors.Is(err, context.DeadlineExceeded) {
			r.ready.Store(err == nil)
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// Ready reports whether the process was ready when Watch last asked.
func (r *Replica) Ready() bool { return r.ready.Load() }

// Dial connects to the webhook, if Ready.
func (r *Replica) Dial() (*net.TCPConn, error) {
	w := r.Running()
	if w == nil || !r.Ready() {
		return nil, balancer.ErrNotReady
	}
	conn, err := net.DialTimeout("tcp", w.Addr, time.Second)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// Certificate returns the certificate that new connections get.
func (r *Replica) Certificate(ctx context.Context, config *tls.Config) (*x509.Certificate, error) {
	w := r.Running()
	if w == nil {
		return nil, ErrNotRunning
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", w.Addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}
