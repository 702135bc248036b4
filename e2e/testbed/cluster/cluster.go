// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package cluster runs a whole cluster of one node: the control plane of package controlplane,
// and kube-controller-manager, kube-scheduler, containerd, runc and the kubelet. Pods run,
// and what the kernel makes of them can be seen. All but runc is compiled from Go modules,
// and images are made by code.
//
// It needs a sandbox of its own, which command sandbox makes. There it guarantees that
//   - Start returns only when the node is ready;
//   - every error of a process that died or did not become ready quotes the end of its
//     log;
//   - Stop leaves no process, container, mount, interface or file behind; and when the
//     sandbox ends, nothing is left in any case.
//
// The cluster is as others are: every admission plugin is on that is on by default, pods
// have tokens and reach the API server as they do elsewhere, and kubectl logs, exec and
// debug work. What differs:
//   - There is no kube-proxy. Services other than kubernetes lead nowhere, but for the API
//     server, which reaches webhooks by them.
//   - There is no DNS, and no NetworkPolicy is enforced.
//   - Images have to be loaded.
//
// Start reading at Start.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
	"github.com/caseharden/caseharden/e2e/testbed/oci"
	"github.com/caseharden/caseharden/e2e/testbed/process"
)

// Options say how a cluster is started. The zero value is a good one.
type Options struct {
	// Log receives the progress, for people to read. If nil, it is discarded.
	Log io.Writer
}

// A Cluster is a running cluster. Its methods may be called concurrently.
type Cluster struct {
	*controlplane.ControlPlane

	programs programs
	client   kubernetes.Interface
	address  string // of the node
	log      io.Writer

	mu        sync.Mutex // guards the following
	processes map[string]*process.Process
	stopped   bool
	stopErr   error
}

// Names of the processes of a Cluster, as Process and Restart know them.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Containerd        = "containerd"
	Kubelet           = "kubelet"
)

// Start starts a cluster and returns when its node is ready. The context bounds the start
// alone: the cluster runs until Stop, which the caller must call. After an error nothing is
// left running.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	address := os.Getenv("SANDBOX_ADDRESS")
	if address == "" {
		return nil, errors.New("a whole cluster needs a sandbox of its own: make test-cluster, or go test -exec with the command e2e/testbed/sandbox")
	}
	p, err := build(ctx, o.Log)
	if err != nil {
		return nil, err
	}

	begun := time.Now()
	controlPlane, err := controlplane.Start(ctx, controlplane.Options{
		Binaries:    p.controlPlane,
		NodeAddress: address,
		Log:         o.Log,
	})
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		ControlPlane: controlPlane,
		programs:     p,
		address:      address,
		log:          o.Log,
		processes:    map[string]*process.Process{},
	}
	if err := c.start(ctx); err != nil {
		// What Stop has to say about processes is in err already.
		_ = c.Stop()
		return nil, fmt.Errorf("cluster: %w", err)
	}
	fmt.Fprintf(c.log, "node ready after %s\n", time.Since(begun).Round(100*time.Millisecond))
	return c, nil
}

func (c *Cluster) start(ctx context.Context) (err error) {
	if c.client, err = kubernetes.NewForConfig(c.Config()); err != nil {
		return err
	}
	if err := makeNetwork(c.file("cni")); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	if err := c.configureContainerd(); err != nil {
		return err
	}
	if err := c.configureKubelet(); err != nil {
		return err
	}
	// Three lines of work, which do not wait for each other.
	failed := make(chan error)
	go func() { failed <- c.run(ctx, ControllerManager) }()
	go func() { failed <- c.run(ctx, Scheduler) }()
	go func() { failed <- c.startNode(ctx) }()
	if err := errors.Join(<-failed, <-failed, <-failed); err != nil {
		return err
	}
	return c.waitNode(ctx)
}

func (c *Cluster) startNode(ctx context.Context) error {
	if err := c.run(ctx, Containerd); err != nil {
		return err
	}
	for _, image := range []oci.Image{pauseImage(c.programs.pause), probeImage(c.programs.probe)} {
		if err := c.LoadImage(ctx, image); err != nil {
			return err
		}
	}
	return c.run(ctx, Kubelet)
}

// Client returns a client of the administrator.
func (c *Cluster) Client() kubernetes.Interface { return c.client }

func (c *Cluster) file(name string) string { return filepath.Join(c.Dir(), name) }

// Process returns the process of this name, for who kills, suspends or resumes it: the one
// since the last Restart. Stop returns an error if it has been killed and not restarted.
func (c *Cluster) Process(name string) *process.Process {
	switch name {
	case Etcd:
		return c.ControlPlane.Etcd()
	case APIServer:
		return c.ControlPlane.APIServer()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.processes[name]
}

// Restart kills a process, as a crash would, if it has not ended, starts it again over the
// same files, and returns when it is ready. Containers outlive all of them.
func (c *Cluster) Restart(ctx context.Context, name string) error {
	switch name {
	case Etcd:
		return c.RestartEtcd(ctx)
	case APIServer:
		return c.RestartAPIServer(ctx)
	}
	p := c.Process(name)
	if p == nil {
		return fmt.Errorf("cluster: no process is called %q", name)
	}
	p.Kill()
	if err := c.run(ctx, name); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	return nil
}

// Stop ends all containers and processes, and removes what they leave. It returns an error
// if one of the processes had died before; they are gone in any case. Further calls do
// nothing and return the same error.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return c.stopErr
	}
	c.stopped = true

	var errs []error
	stop := func(name string) {
		if p := c.processes[name]; p != nil {
			p.Resume() // in case it is suspended
			errs = append(errs, p.Stop())
		}
	}
	// First those that would start containers again.
	stop(Scheduler)
	stop(ControllerManager)
	stop(Kubelet)
	errs = append(errs, c.stopPods())
	stop(Containerd)
	errs = append(errs, c.removeLeftovers(), removeNetwork(), c.ControlPlane.Stop())
	c.stopErr = errors.Join(errs...)
	return c.stopErr
}
