// SPDX-License-Identifier: Apache-2.0

// Command archive builds the container image for this machine, as make image does, and
// writes it to a file: an OCI archive, for a whole cluster to load. Its arguments are a
// directory to work in, which the caller removes; the file; and the image's name, in full.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/caseharden/caseharden/e2e/supplychain/imagebuild"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: archive DIRECTORY FILE NAME")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := write(ctx, os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
	}
}

func write(ctx context.Context, dir, file, name string) error {
	root, err := gobuild.RepositoryDir()
	if err != nil {
		return err
	}
	w, err := imagebuild.New(ctx, dir)
	if err != nil {
		return err
	}
	if _, err := w.MakeImage(ctx, root, "IMAGE="+name); err != nil {
		return err
	}
	_, err = w.Run(ctx, ".", "buildah", "push", "-q", name, "oci-archive:"+file+":"+name)
	return err
}
