// SPDX-License-Identifier: Apache-2.0

//go:build linux

package debian

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caseharden/caseharden/e2e/testbed/oci"
)

//go:embed build.sh
var script string

// A Builder makes images. One process may use a cache at a time.
type Builder struct {
	Cache string // a directory, of which the file system can be part of an overlay
}

// Missing returns why no image can be made here, or nil.
func Missing() error {
	if os.Geteuid() != 0 {
		return errors.New("it needs root, to install packages in a directory")
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		return errors.New("mmdebstrap is missing: install it, on Debian by apt-get install mmdebstrap")
	}
	return nil
}

// Build returns the image of this name, which it makes unless the cache has it.
func (b Builder) Build(ctx context.Context, name string, r Recipe) (Image, error) {
	image, found, err := b.Find(name, r)
	if err != nil || found {
		return image, err
	}
	if err := Missing(); err != nil {
		return Image{}, err
	}
	if err := b.build(ctx, name, r); err != nil {
		return Image{}, fmt.Errorf("image %s: %w", name, err)
	}
	image, found, err = b.Find(name, r)
	if err == nil && !found {
		err = fmt.Errorf("image %s: made, and not in the cache", name)
	}
	return image, err
}

// Find returns the image of this name if the cache has it.
func (b Builder) Find(name string, r Recipe) (image Image, found bool, err error) {
	stem := filepath.Join(b.Cache, key(name, r))
	text, err := os.ReadFile(stem + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return Image{}, false, nil
	}
	if err != nil {
		return Image{}, false, err
	}
	image.Archive = stem + ".tar"
	return image, true, json.Unmarshal(text, &image)
}

func (b Builder) build(ctx context.Context, name string, r Recipe) error {
	if err := os.MkdirAll(b.Cache, 0o700); err != nil {
		return err
	}
	base, err := b.base(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.Cache, "making-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := writeInputs(dir, r); err != nil {
		return err
	}
	if err := run(ctx, []string{"PACKAGES=" + strings.Join(r.Packages, " "), "ONLY=" + strings.Join(r.Only, " ")}, "image", dir, b.Cache); err != nil {
		return err
	}
	upper, layers := filepath.Join(dir, "upper"), []oci.Layer{base}
	if r.Only != nil {
		upper, layers = filepath.Join(upper, "only"), nil
	}
	layer, err := writeLayer(upper, filepath.Join(dir, "layer.tar.gz"))
	if err != nil {
		return err
	}
	return b.finish(dir, name, r, append(layers, layer))
}

// finish writes the archive, and then what Find looks for.
func (b Builder) finish(dir, name string, r Recipe, layers []oci.Layer) error {
	image := Image{Name: name}
	var err error
	if image.Packages, err = table(filepath.Join(dir, "packages"), " ", 1, func(s string) (string, error) { return s, nil }); err != nil {
		return err
	}
	if image.Users, err = table(filepath.Join(dir, "passwd"), ":", 2, func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }); err != nil {
		return err
	}
	archive := filepath.Join(dir, "image.tar")
	if err := oci.WriteLayers(archive, name, config(r.Image), layers); err != nil {
		return err
	}
	text, err := json.MarshalIndent(image, "", "  ")
	if err != nil {
		return err
	}
	described := filepath.Join(dir, "image.json")
	if err := os.WriteFile(described, text, 0o600); err != nil {
		return err
	}
	stem := filepath.Join(b.Cache, key(name, r))
	return errors.Join(os.Rename(archive, stem+".tar"), os.Rename(described, stem+".json"))
}

// table reads lines of fields: the first one, and another by its index.
func table[V any](file, separator string, index int, parse func(string) (V, error)) (map[string]V, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	found := map[string]V{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), separator)
		if len(fields) <= index {
			return nil, fmt.Errorf("%s: %q", file, line)
		}
		if found[fields[0]], err = parse(fields[index]); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", file, line, err)
		}
	}
	return found, nil
}

// base returns the layer that images begin with.
func (b Builder) base(ctx context.Context) (layer oci.Layer, err error) {
	described := filepath.Join(b.Cache, "base.json")
	if text, err := os.ReadFile(described); err == nil {
		return layer, json.Unmarshal(text, &layer)
	}
	dir, file := filepath.Join(b.Cache, "base"), filepath.Join(b.Cache, "base.tar.gz")
	if err := os.RemoveAll(dir); err != nil { // left by one that was interrupted
		return layer, err
	}
	if err := run(ctx, nil, "base", dir, suite); err != nil {
		return layer, err
	}
	if layer, err = writeLayer(dir, file); err != nil {
		return layer, err
	}
	text, err := json.Marshal(layer)
	if err != nil {
		return layer, err
	}
	return layer, os.WriteFile(described, text, 0o600)
}

func writeInputs(dir string, r Recipe) error {
	for _, f := range r.Files {
		path := filepath.Join(dir, "files", f.Path)
		mode := fs.FileMode(f.Mode)
		if mode == 0 {
			mode = 0o644
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := errors.Join(os.WriteFile(path, []byte(f.Content), mode), os.Chmod(path, mode)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "files"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "setup"), []byte(r.Setup), 0o600)
}

// run runs a part of the script in namespaces of its own.
func run(ctx context.Context, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "unshare", append([]string{"--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script, "build.sh"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	output, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(output)), "\n")
		return fmt.Errorf("%s: %w\n%s", args[0], errors.Join(ctx.Err(), err), strings.Join(lines[max(0, len(lines)-20):], "\n"))
	}
	return nil
}

func config(c Config) v1.ImageConfig {
	set := func(names []string) map[string]struct{} {
		found := map[string]struct{}{}
		for _, name := range names {
			found[name] = struct{}{}
		}
		return found
	}
	env := c.Env
	if !strings.Contains(strings.Join(env, "\n"), "PATH=") {
		env = append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, env...)
	}
	return v1.ImageConfig{
		User: c.User, Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: env, WorkingDir: c.WorkDir,
		Volumes: set(c.Volumes), ExposedPorts: set(c.Expose),
	}
}
