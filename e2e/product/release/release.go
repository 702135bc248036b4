// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package release runs a whole cluster in which Caseharden is installed as a user would:
// its own image, by the chart, with Helm. Its pods run behind their own Service, with
// certificates that they make themselves.
//
// Start reading at Start.
package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/caseharden/caseharden/e2e/testbed/cluster"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
	"github.com/caseharden/caseharden/e2e/testbed/tools"
)

const (
	// Namespace is the one of the release, which enforces Pod Security restricted.
	Namespace = "caseharden"

	// The image, whose registry cannot exist (RFC 6761).
	repository, tag = "images.test/caseharden", "installed"
)

// A Cluster has Caseharden in it.
type Cluster struct {
	*cluster.Cluster

	helm, chart string
}

// Build compiles all that such a cluster runs, and reports the progress to w. It has to be
// called before Start, as a sandbox has no network to download modules by.
func Build(ctx context.Context, w io.Writer) error {
	_, err := tools.Helm(ctx, w)
	return errors.Join(err, cluster.Build(ctx, w))
}

// Start starts a cluster and installs Caseharden in it, with further arguments of helm
// install, and returns when its replicas are ready. CASEHARDEN_IMAGE says where the image
// is, an OCI archive. The caller must call Stop; after an error nothing is left running.
func Start(ctx context.Context, log io.Writer, args ...string) (*Cluster, error) {
	archive := os.Getenv("CASEHARDEN_IMAGE")
	if archive == "" {
		return nil, errors.New("CASEHARDEN_IMAGE is not set: run make test-cluster, which builds the image")
	}
	root, err := gobuild.RepositoryDir()
	if err != nil {
		return nil, err
	}
	helm, err := tools.Helm(ctx, log)
	if err != nil {
		return nil, err
	}
	w, err := cluster.Start(ctx, cluster.Options{Log: log})
	if err != nil {
		return nil, err
	}
	c := &Cluster{Cluster: w, helm: helm, chart: filepath.Join(root, "deploy", "chart")}
	if err := c.install(ctx, archive, args); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) install(ctx context.Context, archive string, args []string) error {
	if err := c.LoadArchive(ctx, archive, repository+":"+tag); err != nil {
		return err
	}
	if err := c.CreateNamespace(ctx, Namespace, map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}); err != nil {
		return err
	}
	_, err := c.Helm(ctx, append([]string{"install", "caseharden", c.chart, "--namespace=" + Namespace,
		"--set=image.repository=" + repository + ",image.tag=" + tag, "--wait", "--timeout=2m"}, args...)...)
	return err
}

// Upgrade changes values of the release, and returns when the replicas are ready.
func (c *Cluster) Upgrade(ctx context.Context, args ...string) error {
	_, err := c.Helm(ctx, append([]string{"upgrade", "caseharden", c.chart, "--namespace=" + Namespace, "--reuse-values", "--wait", "--timeout=2m"}, args...)...)
	return err
}

// Helm runs helm on the cluster, and returns what it prints.
func (c *Cluster) Helm(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.helm, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig(), "HOME="+c.Dir())
	output, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("helm %s: %w\n%s", args[0], err, output)
	}
	return string(output), nil
}

// Show runs kubectl, after a line with the command, and writes to w what it prints.
func (c *Cluster) Show(ctx context.Context, w io.Writer, args ...string) error {
	fmt.Fprintf(w, "$ kubectl %s\n", strings.Join(args, " "))
	output, err := c.Kubectl(ctx, nil, args...)
	fmt.Fprint(w, output)
	return err
}

// Programs makes a directory with kubectl and helm.
func (c *Cluster) Programs(dir string) error {
	return errors.Join(os.Mkdir(dir, 0o700),
		os.Symlink(c.KubectlPath(), filepath.Join(dir, "kubectl")),
		os.Symlink(c.helm, filepath.Join(dir, "helm")))
}
