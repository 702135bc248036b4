// SPDX-License-Identifier: Apache-2.0

//go:build linux

package judge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/caseharden/caseharden/e2e/apps/catalogue"
	"github.com/caseharden/caseharden/e2e/testbed/debian"
)

// A Source is what the preview is told beside the manifests.
type Source struct {
	Name string // for the table

	Live   bool // the live status of the pods that run the applications as they are
	Known  bool // the names of the official images in place of the images' own
	Images bool // the images
}

// Sources are those that are compared.
var Sources = []Source{
	{Name: "manifest alone"},
	{Name: "with the live status", Live: true},
	{Name: "with known images", Known: true},
	{Name: "with `--images`", Images: true},
}

// Args writes what the preview reads of a source to a directory, and returns its arguments.
// Images are needed only where the source has them.
func (s Source) Args(apps []catalogue.App, dir string, image func(catalogue.App) (debian.Image, error)) ([]string, error) {
	args := []string{"preview", "-f", dir}
	if s.Images {
		args = append(args, "--images")
	}
	for _, app := range apps {
		var name string
		if s.Known && app.Like != "" {
			name = app.Like
		}
		text, err := app.Manifest(name)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, app.Name+".yaml"), []byte(text), 0o600); err != nil {
			return nil, err
		}
		if s.Live {
			live, err := app.Live()
			if err != nil {
				return nil, err
			}
			if err := os.WriteFile(filepath.Join(dir, app.Name+"-live.json"), live, 0o600); err != nil {
				return nil, err
			}
		}
		if s.Images {
			built, err := image(app)
			if err != nil {
				return nil, err
			}
			args = append(args, "--image", built.Name+"=oci-archive:"+built.Archive)
		}
	}
	return args, nil
}

// Find runs the preview, and returns what it finds in each application's Deployment.
func (s Source) Find(ctx context.Context, binary string, apps []catalogue.App, image func(catalogue.App) (debian.Image, error)) (map[string][]Finding, error) {
	dir, err := os.MkdirTemp("", "judge-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	args, err := s.Args(apps, dir, image)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, binary, append(args, "-o", "json")...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("preview %s: %w\n%s", s.Name, err, stderr.String())
	}
	var report struct {
		Workloads []struct {
			Kind, Name string
			Findings   []Finding
		}
	}
	if err := json.Unmarshal(output, &report); err != nil {
		return nil, err
	}
	found := map[string][]Finding{}
	for _, w := range report.Workloads {
		if w.Kind == "Deployment" {
			found[w.Name] = append(found[w.Name], w.Findings...)
		}
	}
	for _, app := range apps {
		if _, ok := found[app.Name]; !ok && len(report.Workloads) < len(apps) {
			return nil, fmt.Errorf("preview %s: nothing is said of %s", s.Name, app.Name)
		}
	}
	return found, nil
}
