// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/caseharden/caseharden/e2e/testbed/process"
)

// RestartEtcd kills etcd, as a crash would, starts it again at the same address and with
// the same data, and returns when it serves. After an error etcd is down; RestartEtcd may
// be tried again.
func (c *ControlPlane) RestartEtcd(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return errors.New("control plane: stopped already")
	}
	c.etcd.Kill()
	address := strings.TrimPrefix(c.etcdURL, "http://")
	if err := c.startEtcd(ctx, func() (int, error) { return portOf(address) }); err != nil {
		return fmt.Errorf("control plane: %w", err)
	}
	return nil
}

// startEtcd starts etcd on a port of pick's and waits until it serves. The
// caller must hold c.mu, unless nobody else knows c yet.
func (c *ControlPlane) startEtcd(ctx context.Context, pick portPicker) error {
	return onPort(ctx, pick, func(port int) error {
		url := fmt.Sprintf("http://127.0.0.1:%d", port)
		p, err := process.Start("etcd", c.file("etcd.log"), c.binaries.Etcd,
			"--name=default",
			"--data-dir="+c.file("etcd"),
			"--listen-client-urls="+url,
			"--advertise-client-urls="+url,
			// There are no peers: any port does, and nobody needs to know it.
			"--listen-peer-urls=http://127.0.0.1:0",
			"--initial-advertise-peer-urls=http://127.0.0.1:0",
			"--initial-cluster=default=http://127.0.0.1:0",
			// The data need not survive a power cut, and fsync is most of the
			// time of a write.
			"--unsafe-no-fsync",
			"--log-level=warn",
		)
		if err != nil {
			return err
		}
		err = waitReady(ctx, p, func(ctx context.Context) error {
			return getOK(ctx, http.DefaultClient, url+"/readyz")
		})
		if err != nil {
			p.Kill()
			return err
		}
		c.etcd, c.etcdURL = p, url
		return nil
	})
}
