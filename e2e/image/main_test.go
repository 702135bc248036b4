// SPDX-License-Identifier: Apache-2.0

//go:build image

// Package image tests the container image: what make image builds, for two platforms, is
// read as an OCI layout, and run as the chart's pods are. It needs root, buildah, podman
// and runc, hence the build tag; make test-image gets them.
//
// No registry is asked: the image with Go is made from the toolchain of this machine, and
// the modules come from its module cache, by way of GOPROXY.
package image

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/cluster"
)

const (
	revision = "0123456789abcdef0123456789abcdef01234567"
	epoch    = 1700000000 // when the source is from, for all that a build knows
)

// The platforms, of which one has to be this machine's: its image is run.
var (
	platforms = []string{"linux/amd64", "linux/arm64"}
	native    = "linux/" + runtime.GOARCH
)

// What the tests share.
var (
	shop *workshop
	// Copies of the repository as it is checked out, in two places and with other dates.
	source, copied string
	// Images by platform: of source, and of copied.
	built, anew map[string]*image
	// The name of built: what make image gives it if it is told nothing.
	builtName string
	chart     struct {
		Name, Description, AppVersion string
		Annotations                   map[string]string
	}
)

func TestMain(m *testing.M) {
	if err := build(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// build makes what the tests share, and says how far it is.
func build(ctx context.Context) error {
	module, err := cluster.ModuleDir()
	if err != nil {
		return err
	}
	repository := filepath.Dir(module)
	chartFile, err := os.ReadFile(filepath.Join(repository, "deploy", "chart", "Chart.yaml"))
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(chartFile, &chart); err != nil {
		return err
	}
	builtName = "caseharden:" + chart.AppVersion

	progress("making an image with Go")
	if shop, err = newWorkshop(ctx, repository); err != nil {
		return err
	}
	if source, err = shop.copyOf(ctx, repository, "source"); err != nil {
		return err
	}
	if copied, err = shop.copyOf(ctx, repository, "copied"); err != nil {
		return err
	}

	progress("building the image for two platforms (minutes the first time)")
	both := "PLATFORMS=" + strings.Join(platforms, ",")
	if _, err := shop.makeImage(ctx, source, both); err != nil {
		return err
	}
	if built, err = shop.images(ctx, builtName); err != nil {
		return err
	}
	progress("building it once more")
	if _, err := shop.makeImage(ctx, copied, both, "IMAGE=caseharden:anew"); err != nil {
		return err
	}
	if anew, err = shop.images(ctx, "caseharden:anew"); err != nil {
		return err
	}
	progress("testing it")
	return nil
}
