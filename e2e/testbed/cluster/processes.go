// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/controlplane"
	"github.com/caseharden/caseharden/e2e/testbed/process"
)

// path is the environment's: the kubelet runs mount, and containerd runs runc and modprobe.
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// run starts a process of the node or of the controllers, and waits until it is ready.
func (c *Cluster) run(ctx context.Context, name string) error {
	p, err := c.launch(ctx, name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		p.Kill()
		return errors.New("stopped already")
	}
	c.processes[name] = p
	return nil
}

func (c *Cluster) launch(ctx context.Context, name string) (*process.Process, error) {
	binary, args, ready := c.command(name)
	p, err := process.StartWith([]string{path}, name, c.file(name+".log"), binary, args...)
	if err != nil {
		return nil, err
	}
	if err := p.WaitReady(ctx, ready); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// command returns what is run, and how it is known that it is ready.
func (c *Cluster) command(name string) (binary string, args []string, ready func(context.Context) error) {
	kubeconfig := func(user string) (flags []string) {
		for _, flag := range []string{"--kubeconfig=", "--authentication-kubeconfig=", "--authorization-kubeconfig="} {
			flags = append(flags, flag+c.KubeconfigOf(user))
		}
		return append(flags,
			"--bind-address=127.0.0.1",
			"--leader-elect=false",                       // there is one of each
			"--authentication-skip-lookup=true",          // nobody comes with a client certificate
			"--kube-api-qps=200", "--kube-api-burst=400", // or the controllers take five seconds to begin
		)
	}
	switch name {
	case ControllerManager:
		return c.programs.controllerManager, append(kubeconfig(controlplane.UserControllerManager),
			"--use-service-account-credentials=true",
			"--service-account-private-key-file="+c.ServiceAccountKeyFile(),
			"--root-ca-file="+c.CAFile(),
			"--flex-volume-plugin-dir="+c.file("volume-plugins"),
		), healthy("https://127.0.0.1:10257/healthz")
	case Scheduler:
		return c.programs.scheduler, kubeconfig(controlplane.UserScheduler), healthy("https://127.0.0.1:10259/healthz")
	case Containerd:
		return c.programs.containerd, []string{"--config=" + c.file("containerd.toml")}, c.criReady
	case Kubelet:
		return c.programs.kubelet, []string{
			"--config=" + c.file("kubelet.yaml"),
			"--kubeconfig=" + c.KubeconfigOf(controlplane.UserNode),
			"--root-dir=" + c.file("kubelet"),
			"--cert-dir=" + c.file("kubelet-pki"),
			"--hostname-override=" + controlplane.NodeName,
			"--node-ip=" + c.address,
		}, healthy("http://127.0.0.1:10248/healthz")
	}
	panic("internal error: no process is called " + name)
}

// healthy returns a check that gets url. The certificates are such as the programs make for
// themselves, and in this network there is nobody else.
func healthy(url string) func(context.Context) error {
	client := &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
		Timeout:   5 * time.Second,
	}
	return func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, response.Status)
		}
		return nil
	}
}

// waitNode waits until pods can be created and run.
func (c *Cluster) waitNode(ctx context.Context) error {
	return c.Process(Kubelet).WaitReady(ctx, func(ctx context.Context) error {
		if err := c.nodeReady(ctx); err != nil {
			return err
		}
		return c.namespaceReady(ctx, metav1.NamespaceDefault)
	})
}

func (c *Cluster) nodeReady(ctx context.Context) error {
	node, err := c.client.CoreV1().Nodes().Get(ctx, controlplane.NodeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, taint := range node.Spec.Taints {
		return fmt.Errorf("taint %s", taint.ToString())
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return fmt.Errorf("conditions %v", node.Status.Conditions)
}

func (c *Cluster) containerdSocket() string { return filepath.Join(containerdState, "containerd.sock") }
