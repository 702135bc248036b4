// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"text/template"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/caseharden/caseharden/e2e/testbed/oci"
	"github.com/caseharden/caseharden/e2e/testbed/poll"
)

// containerdState is where containerd has its sockets, whose names may have 107 bytes, and
// where its shims have theirs in any case.
const containerdState = "/run/containerd"

var containerdConfig = template.Must(template.New("").Parse(`
version = 3
root = '{{.Dir}}/containerd'
state = '{{.State}}'
# The first would make /opt/containerd; nothing here is for the second.
disabled_plugins = ['io.containerd.internal.v1.opt', 'io.containerd.nri.v1.nri']
[grpc]
address = '{{.Socket}}'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '{{.Pause}}'
[plugins.'io.containerd.cri.v1.runtime']
# Without CAP_SYS_RESOURCE, which sandboxes lack, runc cannot make it lower than its own.
restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
runtime_path = '{{.Shim}}'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = '{{.Runc}}'
SystemdCgroup = false
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['{{.Plugins}}']
conf_dir = '{{.Dir}}/cni'
use_internal_loopback = true
`))

func (c *Cluster) configureContainerd() error {
	f, err := os.Create(c.file("containerd.toml"))
	if err != nil {
		return err
	}
	defer f.Close()
	return containerdConfig.Execute(f, map[string]string{
		"Dir":     c.Dir(),
		"State":   containerdState,
		"Socket":  c.containerdSocket(),
		"Pause":   pauseName,
		"Shim":    c.programs.shim,
		"Runc":    c.programs.runc,
		"Plugins": c.programs.cni,
	})
}

// dialCRI returns a connection to containerd as the kubelet has one.
func (c *Cluster) dialCRI() (*grpc.ClientConn, error) {
	return grpc.NewClient("unix://"+c.containerdSocket(), grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func (c *Cluster) criReady(ctx context.Context) error {
	conn, err := c.dialCRI()
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = cri.NewRuntimeServiceClient(conn).Version(ctx, &cri.VersionRequest{})
	return err
}

// LoadImage has the node have an image, as if it had been pulled. Pods that use it must
// not have imagePullPolicy Always.
func (c *Cluster) LoadImage(ctx context.Context, image oci.Image) error {
	f, err := os.CreateTemp(c.Dir(), "image-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := image.Write(f); err != nil {
		return err
	}
	return c.LoadArchive(ctx, f.Name(), image.Name)
}

// LoadArchive is LoadImage for the file of an archive, OCI's or docker's, which holds an
// image of this name.
func (c *Cluster) LoadArchive(ctx context.Context, file, name string) error {
	cmd := exec.CommandContext(ctx, c.programs.ctr, "--address="+c.containerdSocket(), "--namespace=k8s.io", "images", "import", file)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("image %s: %w\n%s", name, errors.Join(ctx.Err(), err), output)
	}
	conn, err := c.dialCRI()
	if err != nil {
		return err
	}
	defer conn.Close()
	// The part of containerd that serves a kubelet learns of it a moment later.
	return poll.Within(ctx, soon, "image "+name, func() error {
		found, err := cri.NewImageServiceClient(conn).ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}})
		if err == nil && found.Image == nil {
			err = errors.New("the archive has none of this name")
		}
		return err
	})
}

// stopPods ends and removes all pods, which outlive a containerd that has ended. The caller
// must hold c.mu.
func (c *Cluster) stopPods() error {
	p := c.processes[Containerd]
	if p == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p.Resume() // in case it is suspended
	if !p.Exited() {
		return c.removePods(ctx)
	}
	again, err := c.launch(ctx, Containerd)
	if err != nil {
		return err
	}
	defer again.Kill()
	return c.removePods(ctx)
}

// removePods removes pods, and with them their networks, mounts and cgroups.
func (c *Cluster) removePods(ctx context.Context) error {
	conn, err := c.dialCRI()
	if err != nil {
		return err
	}
	defer conn.Close()
	client := cri.NewRuntimeServiceClient(conn)
	pods, err := client.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return fmt.Errorf("pods: %w", err)
	}
	removed := make(chan error)
	for _, pod := range pods.Items {
		go func() {
			// A container that the kubelet was starting when it ended can be removed a moment later.
			removed <- poll.Within(ctx, soon, fmt.Sprintf("pod %s/%s to be removed", pod.Metadata.Namespace, pod.Metadata.Name), func() error {
				_, err := client.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: pod.Id})
				if err == nil {
					_, err = client.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: pod.Id})
				}
				return err
			})
		}()
	}
	var errs []error
	for range pods.Items {
		errs = append(errs, <-removed)
	}
	return errors.Join(errs...)
}
