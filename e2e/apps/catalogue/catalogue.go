// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package catalogue is real servers to measure against: how the image of each is made of
// Debian's packages, with an entrypoint in the manner of the official image; the manifest
// of a workload that runs it; and what shows that it serves. What each needs to serve was
// found by running it, and is in truth.json.
//
// A third of the applications is held out: no rule may be written with a look at them.
//
// Start reading at App, and at Truth.
package catalogue

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/testbed/debian"
	"github.com/caseharden/caseharden/e2e/testbed/gobuild"
	"github.com/caseharden/caseharden/e2e/testbed/serves"
)

//go:embed apps/*.yaml
var files embed.FS

// An App is an application.
type App struct {
	Name string `json:"-"` // of its file

	// Like is the repository of the official image in whose manner the image is made.
	Like string `json:"like,omitempty"`
	// Account is the user, by its name or number, that the image has for the server.
	Account string `json:"account,omitempty"`

	debian.Recipe

	Container string `json:"container"`         // fields of the container, in YAML
	Pod       string `json:"pod,omitempty"`     // fields of the pod's spec
	Objects   string `json:"objects,omitempty"` // manifests of what the pod needs

	Check []serves.Check `json:"check"`
	Slow  bool           `json:"slow,omitempty"` // it takes up to minutes to start

	digest string // of the file
}

// Load returns all applications, in the order of their names.
func Load() ([]App, error) {
	names, err := fs.Glob(files, "apps/*.yaml")
	if err != nil {
		return nil, err
	}
	var apps []App
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		app := App{Name: strings.TrimSuffix(filepath.Base(name), ".yaml")}
		if err := yaml.UnmarshalStrict(text, &app); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		// The comment at the beginning is for people.
		for bytes.HasPrefix(text, []byte("#")) {
			_, text, _ = bytes.Cut(text, []byte("\n"))
		}
		app.digest = fmt.Sprintf("%x", sha256.Sum256(text))[:16]
		apps = append(apps, app)
	}
	return apps, nil
}

// Select returns the applications of these names, in the order of the catalogue; without
// names all.
func Select(names []string) ([]App, error) {
	apps, err := Load()
	if err != nil || len(names) == 0 {
		return apps, err
	}
	for _, name := range names {
		if !slices.ContainsFunc(apps, func(a App) bool { return a.Name == name }) {
			return nil, fmt.Errorf("no application is called %q", name)
		}
	}
	return slices.DeleteFunc(apps, func(a App) bool { return !slices.Contains(names, a.Name) }), nil
}

// ImageName is by what manifests name the image: of a registry that cannot exist (RFC 6761).
func (a App) ImageName() string { return "images.test/apps/" + a.Name + ":1" }

// Digest identifies the application, image, manifest and checks, in what was measured.
func (a App) Digest() string { return a.digest }

// HeldOut reports whether the application is one of the third that no rule was written for.
// It depends on the name alone, so that nobody chooses.
func (a App) HeldOut() bool { return sha256.Sum256([]byte(a.Name))[0] < 256/3 }

// Builder makes the images, in the user's cache.
func Builder() (debian.Builder, error) {
	bin, err := gobuild.BinDir()
	return debian.Builder{Cache: filepath.Join(filepath.Dir(bin), "images")}, err
}

// Image returns the image of an application, which must have been made before.
func (a App) Built(b debian.Builder) (debian.Image, error) {
	image, found, err := b.Find(a.ImageName(), a.Recipe)
	if err == nil && !found {
		err = fmt.Errorf("the image of %s is not made yet: run go run ./apps/images in e2e", a.Name)
	}
	return image, err
}

// UID is the number of the account that the image has for the server, or 0.
func (a App) UID(image debian.Image) (int64, error) {
	if a.Account == "" {
		return 0, nil
	}
	if uid, found := image.Users[a.Account]; found {
		return uid, nil
	}
	var uid int64
	if _, err := fmt.Sscan(a.Account, &uid); err != nil {
		return 0, fmt.Errorf("%s: the image has no user %q", a.Name, a.Account)
	}
	return uid, nil
}

// dir is where the files that are written are.
func dir() (string, error) {
	module, err := gobuild.ModuleDir()
	return filepath.Join(module, "apps", "catalogue"), err
}

// write writes a file of the catalogue.
func write(name string, text []byte) error {
	dir, err := dir()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// Patience is how long to wait until the application serves, on a machine that is busy.
func (a App) Patience() time.Duration {
	if a.Slow {
		return 150 * time.Second
	}
	return 40 * time.Second
}
