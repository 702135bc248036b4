// SPDX-License-Identifier: Apache-2.0

//go:build image

package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caseharden/caseharden/e2e/cluster"
	"github.com/caseharden/caseharden/e2e/process"
)

// A workshop builds and runs images in a storage of its own. Whoever gave it its
// directory removes that.
type workshop struct {
	dir   string
	cache string   // where buildah keeps what go build has compiled, from run to run
	env   []string // of all programs
	flags string   // IMAGE_FLAGS
}

const goImage = "localhost/golang:of-this-machine"

// newWorkshop also makes the image with Go, and downloads the modules of the repository.
func newWorkshop(ctx context.Context, repository string) (*workshop, error) {
	w := &workshop{dir: os.Getenv("IMAGE_TEST_DIR")}
	if w.dir == "" {
		return nil, errors.New("IMAGE_TEST_DIR is not set: these tests are for make test-image, which removes what they leave")
	}
	bin, err := cluster.BinDir()
	if err != nil {
		return nil, err
	}
	w.cache = filepath.Join(bin, "image")
	if err := os.MkdirAll(w.cache, 0o700); err != nil {
		return nil, err
	}
	w.env = append(os.Environ(),
		"BUILDAH_ISOLATION=chroot", // works where there is no more than root and mounts
		"CONTAINERS_CONF="+filepath.Join(w.dir, "containers.conf"),
		"CONTAINERS_STORAGE_CONF="+filepath.Join(w.dir, "storage.conf"),
	)
	// make test-image, whose variables are not for the makes below it.
	w.env = slices.DeleteFunc(w.env, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "VERSION", "IMAGE", "PLATFORMS"}, name)
	})
	if err := w.configure(ctx); err != nil {
		return nil, err
	}

	if _, err := w.run(ctx, ".", "./golang.sh", goImage, filepath.Join(w.dir, "golang")); err != nil {
		return nil, err
	}
	if _, err := w.run(ctx, repository, "go", "mod", "download"); err != nil {
		return nil, err
	}
	modules, err := w.run(ctx, repository, "go", "env", "GOMODCACHE")
	if err != nil {
		return nil, err
	}
	// A module cache is a proxy too.
	w.flags = "--volume=" + filepath.Join(strings.TrimSpace(modules), "cache", "download") + ":/proxy:ro"
	return w, nil
}

// configure writes the configuration of buildah and podman.
func (w *workshop) configure(ctx context.Context) error {
	err := os.WriteFile(filepath.Join(w.dir, "containers.conf"), fmt.Appendf(nil, `
[containers]
# The defaults are above what a sandbox may allow.
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
# So that the tests reach loopback.
netns = "host"
[engine]
runtime = "runc" # crun does not take a host with both versions of cgroups
cgroup_manager = "cgroupfs"
events_logger = "none"
tmp_dir = %q
`, filepath.Join(w.dir, "libpod")), 0o600)
	if err != nil {
		return err
	}
	// The second one works everywhere, but copies each layer.
	for _, driver := range []string{"overlay", "vfs"} {
		text := fmt.Sprintf("[storage]\ndriver = %q\ngraphroot = %q\nrunroot = %q\n", driver, filepath.Join(w.dir, driver), filepath.Join(w.dir, "run"))
		if err := os.WriteFile(filepath.Join(w.dir, "storage.conf"), []byte(text), 0o600); err != nil {
			return err
		}
		if _, err = w.run(ctx, ".", "buildah", "info"); err == nil {
			return nil
		}
	}
	return err
}

// run returns what a program prints; if it fails, the error has the end of what it said.
func (w *workshop) run(ctx context.Context, dir, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, w.env
	output, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, lastLines(exit.Stderr))
	}
	return string(output), err
}

// makeImage runs make image in dir, with buildah unless the variables say otherwise, and
// returns what it says.
func (w *workshop) makeImage(ctx context.Context, dir string, variables ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "make", append([]string{
		"--no-print-directory", "image", "IMAGE_TOOL=buildah", "IMAGE_FLAGS=" + w.flags, "GO_IMAGE=" + goImage, "GOPROXY=file:///proxy",
		"REVISION=" + revision, fmt.Sprint("SOURCE_DATE_EPOCH=", epoch),
	}, variables...)...)
	cmd.Dir, cmd.Env = dir, append(slices.Clip(w.env), "TMPDIR="+w.cache)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("make image %s: %w\n%s", strings.Join(variables, " "), err, lastLines(output))
	}
	return string(output), nil
}

func lastLines(output []byte) string {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return strings.Join(lines[max(0, len(lines)-process.QuotedLines):], "\n")
}

// images reads an image, or those of a list, by platform.
func (w *workshop) images(ctx context.Context, name string) (map[string]*image, error) {
	layout := filepath.Join(w.dir, "layouts", strings.ReplaceAll(name, ":", "-")) // oci:PATH:TAG
	push := []string{"push", "-q", name, "oci:" + layout}
	if _, err := w.run(ctx, ".", "buildah", "manifest", "inspect", name); err == nil {
		push = []string{"manifest", "push", "-q", "--all", name, "oci:" + layout}
	}
	// buildah would add to one that is there, and does not make its parent.
	if err := errors.Join(os.RemoveAll(layout), os.MkdirAll(filepath.Dir(layout), 0o700)); err != nil {
		return nil, err
	}
	if _, err := w.run(ctx, ".", "buildah", push...); err != nil {
		return nil, err
	}
	return readLayout(layout)
}

// copyOf copies what is checked out to a directory of that name, with the dates of now.
func (w *workshop) copyOf(ctx context.Context, repository, name string) (string, error) {
	dir := filepath.Join(w.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	_, err := w.run(ctx, repository, "sh", "-c", `tar -c --exclude=./.git --exclude=./bin . | tar -x --touch -C "$0"`, dir)
	return dir, err
}

var begun = time.Now()

// progress says what is done now, as go test would hold it back in a test's log.
func progress(what string) {
	fmt.Fprintf(os.Stderr, "   %3.0fs  %s\n", time.Since(begun).Seconds(), what)
}
