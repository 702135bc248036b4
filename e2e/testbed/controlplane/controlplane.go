// SPDX-License-Identifier: Apache-2.0

// Package controlplane runs a real Kubernetes control plane, etcd and
// kube-apiserver, as processes on loopback: for tests, the demo and
// benchmarks. Both are compiled from their Go modules, so nothing but Go is
// needed and no binary is downloaded.
//
// It guarantees that
//   - Start returns only when the API server is ready, seconds after its call
//     once the binaries are built;
//   - every error of a process that died or did not become ready quotes the end
//     of its log;
//   - Stop leaves no process behind, nor a directory that Start made, and on
//     Linux no process outlives the one that called Start, even if that is
//     killed.
//
// There is no controller manager, scheduler or kubelet: a pod stays as it was
// admitted. Package cluster adds them. The package needs a Unix and does not depend on
// testing.
//
// Start reading at Start; Build and Compile make the binaries.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/caseharden/caseharden/e2e/testbed/process"
)

// Options say how a control plane is started. The zero value is a good one.
type Options struct {
	// Dir receives all the files of the control plane. It must not hold those
	// of another one, and Stop leaves it in place. If empty, a temporary
	// directory is made, which Stop removes.
	Dir string

	// Binaries to run. If zero, Build provides them.
	Binaries Binaries

	// APIServerFlags are further flags of kube-apiserver, each as
	// "--name=value". They replace the package's own flags of the same name.
	APIServerFlags []string

	// AuditPolicy is the YAML of the audit policy. If empty, every request is
	// recorded at level Metadata.
	AuditPolicy string

	// NodeAddress is an IP address of this machine, if there is to be a node: see package
	// cluster, which runs it. The API server then serves on all addresses, at port 443, and
	// all is on that is on by default. If empty, there is no node.
	NodeAddress string

	// Log receives the progress, for people to read. If nil, it is discarded.
	Log io.Writer
}

// A ControlPlane is a running control plane. Its methods may be called
// concurrently.
type ControlPlane struct {
	dir         string
	ownsDir     bool
	binaries    Binaries
	flags       []string // of Options.APIServerFlags
	nodeAddress string   // of Options
	log         io.Writer
	access      access
	etcdURL     string
	apiServer   string // host:port, the same for the whole life of the ControlPlane

	mu      sync.Mutex // guards the following
	etcd    *process.Process
	api     *process.Process
	stopped bool
	stopErr error
}

// Start starts etcd and kube-apiserver and returns when the API server is
// ready. The context bounds the start alone: the control plane runs until Stop,
// which the caller must call. After an error nothing is left running.
func Start(ctx context.Context, o Options) (*ControlPlane, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Binaries == (Binaries{}) {
		b, err := Build(ctx, o.Log, "")
		if err != nil {
			return nil, err
		}
		o.Binaries = b
	}

	begun := time.Now()
	c := &ControlPlane{dir: o.Dir, binaries: o.Binaries, flags: o.APIServerFlags, nodeAddress: o.NodeAddress, log: o.Log}
	if err := c.start(ctx, o); err != nil {
		// What Stop has to say about processes is in err already.
		_ = c.Stop()
		return nil, fmt.Errorf("control plane: %w", err)
	}
	fmt.Fprintf(c.log, "control plane ready at %s after %s\n", c.URL(), time.Since(begun).Round(100*time.Millisecond))
	return c, nil
}

func (c *ControlPlane) start(ctx context.Context, o Options) (err error) {
	if c.dir == "" {
		if c.dir, err = os.MkdirTemp("", "controlplane-"); err != nil {
			return err
		}
		c.ownsDir = true
	} else if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return err
	}
	// For etcd, and before anything else is written. Not MkdirAll: the files of
	// another control plane must not be taken over.
	if err := os.Mkdir(c.file("etcd"), 0o700); err != nil {
		return err
	}
	if err := c.writeAuditPolicy(o.AuditPolicy); err != nil {
		return err
	}
	if c.access, err = newAccess(c.dir, c.nodeAddress); err != nil {
		return err
	}
	if err := c.startEtcd(ctx, freePort); err != nil {
		return err
	}
	pick := freePort
	if c.nodeAddress != "" {
		pick = func() (int, error) { return servicePort, nil }
	}
	if err := c.startAPIServer(ctx, pick); err != nil {
		return err
	}
	if c.nodeAddress != "" {
		for _, user := range []string{UserControllerManager, UserScheduler, UserNode} {
			if err := c.access.writeKubeconfig(c.KubeconfigOf(user), c.URL(), user); err != nil {
				return err
			}
		}
	}
	return c.access.writeKubeconfig(c.Kubeconfig(), c.URL(), userAdmin)
}

// URL is the address of the API server, https://127.0.0.1:port.
func (c *ControlPlane) URL() string { return "https://" + c.apiServer }

// Config returns a client configuration of the administrator, of group
// system:masters and without a client-side rate limit. It is the caller's own
// copy.
func (c *ControlPlane) Config() *rest.Config { return c.access.config(c.URL()) }

// Kubeconfig is the path of a kubeconfig of the administrator, readable only by
// the user who called Start.
func (c *ControlPlane) Kubeconfig() string { return c.file("kubeconfig") }

// AuditLog is the path of the audit log: one audit.k8s.io/v1 Event in JSON a
// line. The API server writes an event, without a buffer, at the end of the
// request's handling. A client may see its answer a moment earlier, so a reader
// must be ready to look twice.
func (c *ControlPlane) AuditLog() string { return c.file("audit.log") }

// Etcd is the process of etcd, for who suspends or kills it: the one since the last
// RestartEtcd, which starts it again.
func (c *ControlPlane) Etcd() *process.Process { return c.current(&c.etcd) }

// APIServer is the process of the API server, for who suspends or kills it: the one since
// the last RestartAPIServer, which starts it again.
func (c *ControlPlane) APIServer() *process.Process { return c.current(&c.api) }

func (c *ControlPlane) current(p **process.Process) *process.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return *p
}

// Dir is the directory with all the files of the control plane, among them
// etcd.log and kube-apiserver.log.
func (c *ControlPlane) Dir() string { return c.dir }

func (c *ControlPlane) file(name string) string { return filepath.Join(c.dir, name) }

// RestartAPIServer kills the API server, as a crash would, starts it again at
// the same address and over the same etcd, and returns when it is ready. After
// an error the API server is down; RestartAPIServer may be tried again.
func (c *ControlPlane) RestartAPIServer(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return errors.New("control plane: stopped already")
	}
	if c.api != nil {
		c.api.Kill()
		c.api = nil
	}
	if err := c.runAPIServer(ctx, c.samePort); err != nil {
		return fmt.Errorf("control plane: %w", err)
	}
	return nil
}

// Stop ends the processes and removes the directory, if Start made it. It
// returns an error if one of the processes had died before; the processes are
// gone in any case. Further calls do nothing and return the same error.
func (c *ControlPlane) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return c.stopErr
	}
	c.stopped = true

	// The API server first: without etcd it would not end in good order.
	var errs []error
	for _, p := range []*process.Process{c.api, c.etcd} {
		if p != nil {
			errs = append(errs, p.Stop())
		}
	}
	if c.ownsDir {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	c.stopErr = errors.Join(errs...)
	return c.stopErr
}
