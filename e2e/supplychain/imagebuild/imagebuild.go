// SPDX-License-Identifier: Apache-2.0

// Package imagebuild builds the container image as make image does, where no registry can be
// reached: with buildah, an image with Go that is made of this machine's toolchain, and
// modules from this machine's cache. For who runs what it makes: the tests of the image, and
// a whole cluster. It needs root and buildah.
package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
	"github.com/caseharden/caseharden/e2e/testbed/process"
)

// A Builder builds and runs images in a storage of its own. The caller
// removes its directory.
type Builder struct {
	Dir   string
	Flags string // IMAGE_FLAGS of make image

	module string   // of the tests, where the scripts are
	cache  string   // where buildah keeps what go build has compiled, from run to run
	env    []string // of all programs
}

const goImage = "localhost/golang:of-this-machine"

// New returns a Builder in a directory. It makes the image with Go, and downloads the
// modules of the repository.
func New(ctx context.Context, dir string) (*Builder, error) {
	w := &Builder{Dir: dir}
	var err error
	if w.module, err = gobuild.ModuleDir(); err != nil {
		return nil, err
	}
	repository := filepath.Dir(w.module)
	bin, err := gobuild.BinDir()
	if err != nil {
		return nil, err
	}
	w.cache = filepath.Join(bin, "image")
	if err := os.MkdirAll(w.cache, 0o700); err != nil {
		return nil, err
	}
	w.env = append(os.Environ(),
		"BUILDAH_ISOLATION=chroot", // works where there is no more than root and mounts
		"CONTAINERS_CONF="+filepath.Join(w.Dir, "containers.conf"),
		"CONTAINERS_STORAGE_CONF="+filepath.Join(w.Dir, "storage.conf"),
	)
	// make test-image, whose variables are not for the makes below it.
	w.env = slices.DeleteFunc(w.env, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "VERSION", "IMAGE", "PLATFORMS"}, name)
	})
	if err := w.configure(ctx); err != nil {
		return nil, err
	}

	if _, err := w.Run(ctx, filepath.Join(w.module, "supplychain", "imagebuild"), "./golang.sh", goImage, filepath.Join(w.Dir, "golang")); err != nil {
		return nil, err
	}
	if _, err := w.Run(ctx, repository, "go", "mod", "download"); err != nil {
		return nil, err
	}
	modules, err := w.Run(ctx, repository, "go", "env", "GOMODCACHE")
	if err != nil {
		return nil, err
	}
	// A module cache is a proxy too.
	w.Flags = "--volume=" + filepath.Join(strings.TrimSpace(modules), "cache", "download") + ":/proxy:ro"
	return w, nil
}

// configure writes the configuration of buildah and podman.
func (w *Builder) configure(ctx context.Context) error {
	err := os.WriteFile(filepath.Join(w.Dir, "containers.conf"), fmt.Appendf(nil, `
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
`, filepath.Join(w.Dir, "libpod")), 0o600)
	if err != nil {
		return err
	}
	// The second one works everywhere, but copies each layer.
	for _, driver := range []string{"overlay", "vfs"} {
		text := fmt.Sprintf("[storage]\ndriver = %q\ngraphroot = %q\nrunroot = %q\n", driver, filepath.Join(w.Dir, driver), filepath.Join(w.Dir, "run"))
		if err := os.WriteFile(filepath.Join(w.Dir, "storage.conf"), []byte(text), 0o600); err != nil {
			return err
		}
		if _, err = w.Run(ctx, ".", "buildah", "info"); err == nil {
			return nil
		}
	}
	return err
}

// Run returns what a program prints; if it fails, the error has the end of what it said.
func (w *Builder) Run(ctx context.Context, dir, program string, args ...string) (string, error) {
	output, err := w.Command(ctx, dir, program, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, lastLines(exit.Stderr))
	}
	return string(output), err
}

// Command returns a command that works in the storage of the Builder.
func (w *Builder) Command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, slices.Clip(w.env)
	return cmd
}

// Sources returns the variables of make image that say where Go comes from, and how modules
// get into the build.
func (w *Builder) Sources() []string {
	return []string{"IMAGE_FLAGS=" + w.Flags, "GO_IMAGE=" + goImage, "GOPROXY=file:///proxy"}
}

// Cache returns the variable with the directory for what the builds compile, from run to run.
func (w *Builder) Cache() string { return "TMPDIR=" + w.cache }

// MakeImage runs make image in dir, with buildah unless the variables say otherwise, and
// returns what it says.
func (w *Builder) MakeImage(ctx context.Context, dir string, variables ...string) (string, error) {
	args := append([]string{"--no-print-directory", "image", "IMAGE_TOOL=buildah"}, w.Sources()...)
	cmd := w.Command(ctx, dir, "make", append(args, variables...)...)
	cmd.Env = append(cmd.Env, w.Cache())
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

// Layout writes an image, or those of a list, as an OCI layout, and returns its directory.
func (w *Builder) Layout(ctx context.Context, name string) (string, error) {
	layout := filepath.Join(w.Dir, "layouts", strings.ReplaceAll(name, ":", "-")) // oci:PATH:TAG
	push := []string{"push", "-q", name, "oci:" + layout}
	if _, err := w.Run(ctx, ".", "buildah", "manifest", "inspect", name); err == nil {
		push = []string{"manifest", "push", "-q", "--all", name, "oci:" + layout}
	}
	// buildah would add to one that is there, and does not make its parent.
	if err := errors.Join(os.RemoveAll(layout), os.MkdirAll(filepath.Dir(layout), 0o700)); err != nil {
		return "", err
	}
	_, err := w.Run(ctx, ".", "buildah", push...)
	return layout, err
}

// CopyOf copies what is checked out to a directory of that name, with the dates of now.
func (w *Builder) CopyOf(ctx context.Context, repository, name string) (string, error) {
	dir := filepath.Join(w.Dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	_, err := w.Run(ctx, repository, "sh", "-c", `tar -c --exclude=./.git --exclude=./bin . | tar -x --touch -C "$0"`, dir)
	return dir, err
}
