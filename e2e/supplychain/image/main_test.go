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
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/supplychain/imagebuild"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
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
	builder *imagebuild.Builder
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
	repository, err := gobuild.RepositoryDir()
	if err != nil {
		return err
	}
	chartFile, err := os.ReadFile(filepath.Join(repository, "deploy", "chart", "Chart.yaml"))
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(chartFile, &chart); err != nil {
		return err
	}
	builtName = "caseharden:" + chart.AppVersion

	progress("making an image with Go")
	dir := os.Getenv("IMAGE_TEST_DIR")
	if dir == "" {
		return errors.New("IMAGE_TEST_DIR is not set: these tests are for make test-image, which removes what they leave")
	}
	if builder, err = imagebuild.New(ctx, dir); err != nil {
		return err
	}
	if source, err = builder.CopyOf(ctx, repository, "source"); err != nil {
		return err
	}
	if copied, err = builder.CopyOf(ctx, repository, "copied"); err != nil {
		return err
	}

	progress("building the image for two platforms (minutes the first time)")
	both := "PLATFORMS=" + strings.Join(platforms, ",")
	if _, err := makeImage(ctx, source, both); err != nil {
		return err
	}
	if built, err = images(ctx, builtName); err != nil {
		return err
	}
	progress("building it once more")
	if _, err := makeImage(ctx, copied, both, "IMAGE=caseharden:anew"); err != nil {
		return err
	}
	if anew, err = images(ctx, "caseharden:anew"); err != nil {
		return err
	}
	progress("testing it")
	return nil
}

// makeImage runs make image in dir, for a source of a fixed revision and date.
func makeImage(ctx context.Context, dir string, variables ...string) (string, error) {
	return builder.MakeImage(ctx, dir, append([]string{"REVISION=" + revision, fmt.Sprint("SOURCE_DATE_EPOCH=", epoch)}, variables...)...)
}

// images reads an image, or those of a list, by platform.
func images(ctx context.Context, name string) (map[string]*image, error) {
	layout, err := builder.Layout(ctx, name)
	if err != nil {
		return nil, err
	}
	return readLayout(layout)
}

var begun = time.Now()

// progress says what is done now, as go test would hold it back in a test's log.
func progress(what string) {
	fmt.Fprintf(os.Stderr, "   %3.0fs  %s\n", time.Since(begun).Seconds(), what)
}
