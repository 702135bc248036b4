// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command measure measures how long the preview takes to read the images of a fleet, for make
// bench-images. It needs about a third of the size of all images on the disk.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/caseharden/caseharden/e2e/images/fleet"
	"github.com/caseharden/caseharden/e2e/product/webhook"
	"github.com/caseharden/caseharden/e2e/testbed/registry"
	"github.com/caseharden/caseharden/e2e/testbed/tools"
)

func main() {
	images := flag.Int("images", 200, "number of images")
	size := flag.Int64("size", 300, "size of an image, unpacked, in MiB")
	fileSize := flag.Int("file-size", 0, "size of a file, in bytes (default 25 KiB)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, fleet.Fleet{Images: *images, Size: *size << 20, FileSize: *fileSize}); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, f fleet.Fleet) error {
	binary, err := webhook.Compile(ctx, os.Stderr)
	if err != nil {
		return err
	}
	program, err := tools.Registry(ctx, os.Stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "caseharden-images-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r, err := registry.Start(ctx, program, dir, registry.Options{User: "reader", Password: "of a test"})
	if err != nil {
		return err
	}
	defer r.Stop()
	figures, err := fleet.Measure(ctx, binary, dir, r, f, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d cores, %s, linux/%s\n\n%s", time.Now().Format("2 January 2006"), runtime.NumCPU(), runtime.Version(), runtime.GOARCH, figures.Table())
	return nil
}
