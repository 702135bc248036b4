// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

// Package trial tests the command trial on a whole cluster: what it says about applications
// of which is known what they need, what it leaves behind, and what it does to others.
package trial

import (
	"context"
	"fmt"
	"os"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caseharden/caseharden/e2e/product/release"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
	"github.com/caseharden/caseharden/e2e/testbed/oci"
)

var (
	c          *release.Cluster // that the tests share, with Caseharden in it
	caseharden string           // the command
	actor      string           // the program of the containers
)

func TestMain(m *testing.M) {
	ctx := context.Background()
	if err := start(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := c.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop:", err)
		code = 1
	}
	os.Exit(code)
}

func start(ctx context.Context) error {
	root, err := gobuild.RepositoryDir()
	if err != nil {
		return err
	}
	module, err := gobuild.ModuleDir()
	if err != nil {
		return err
	}
	if caseharden, err = cluster.CompileStatic(ctx, os.Stderr, "caseharden", root, "."); err != nil {
		return err
	}
	if actor, err = cluster.CompileStatic(ctx, os.Stderr, "actor", module, "./trial/actor"); err != nil {
		return err
	}
	if c, err = release.Start(ctx, os.Stderr); err != nil {
		return err
	}
	for _, image := range images() {
		if err := c.LoadImage(ctx, image); err != nil {
			return err
		}
	}
	return nil
}

// The images: one of root, one whose user has files of its own, and Caseharden itself.
const (
	rootImage     = "images.test/actor:1"
	userImage     = "images.test/actor-with-user:1"
	observerImage = "images.test/observer:1"
)

func images() []oci.Image {
	files := []oci.File{
		{Path: "/actor", Source: actor},
		{Path: "/etc/passwd", Mode: 0o644, Content: []byte("root:x:0:0::/:/actor\napp:x:999:999::/data:/actor\n")},
		{Path: "/tmp/", Mode: 0o1777},
		{Path: "/run/", Mode: 0o1777},
		{Path: "/var/cache/app/", Mode: 0o1777},
		{Path: "/data/", Mode: 0o700, UID: 999, GID: 999},
		{Path: "/data/own/", Mode: 0o700, UID: 999, GID: 999},
	}
	config := v1.ImageConfig{Entrypoint: []string{"/actor"}}
	withUser := config
	withUser.User = "999:999"
	return []oci.Image{
		{Name: rootImage, Files: files, Config: config},
		{Name: userImage, Files: files, Config: withUser},
		{Name: observerImage, Files: []oci.File{{Path: "/caseharden", Source: caseharden}}, Config: v1.ImageConfig{Entrypoint: []string{"/caseharden"}}},
	}
}
