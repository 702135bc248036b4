// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caseharden/caseharden/evidence"
	"github.com/caseharden/caseharden/evidence/image/source"
)

// A resolved image is one for a platform.
type resolved struct {
	digest   digest.Digest // of the manifest
	platform platform
	config   ocispec.ImageConfig
	layers   []ocispec.Descriptor
}

// An imageManifest is a manifest, or an index of manifests.
type imageManifest struct {
	SchemaVersion int                  `json:"schemaVersion"`
	MediaType     string               `json:"mediaType"`
	Config        *ocispec.Descriptor  `json:"config"`
	Layers        []ocispec.Descriptor `json:"layers"`
	Manifests     []ocispec.Descriptor `json:"manifests"`
}

// resolve finds the image for a platform, and reads its configuration.
func resolve(ctx context.Context, s source.Source, wanted wish) (*resolved, error) {
	data, err := s.Root(ctx)
	if err != nil {
		return nil, err
	}
	const maxDepth = 3 // of indexes in indexes
	for range maxDepth {
		d, err := parseDocument(data)
		if err != nil {
			return nil, err
		}
		if d.Manifests == nil {
			return d.image(ctx, s, digest.FromBytes(data), wanted)
		}
		chosen, err := choose(d.Manifests, wanted)
		if err != nil {
			return nil, err
		}
		if data, err = source.Read(ctx, s, chosen); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the index holds indexes that hold indexes")
}

func parseDocument(data []byte) (*imageManifest, error) {
	var d imageManifest
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("the manifest is not JSON of an image: %w", err)
	}
	switch {
	case d.SchemaVersion == 1:
		return nil, errors.New("the manifest has the format of 2015 (schema 1), which current container runtimes do not read either")
	case d.Manifests != nil && (d.Layers != nil || d.Config != nil):
		return nil, errors.New("the manifest is an index and an image at the same time")
	case d.Manifests == nil && d.Config == nil:
		return nil, errors.New("the manifest has no configuration: it is not that of an image")
	}
	return &d, nil
}

// choose returns the entry of an index that fits a platform best.
func choose(entries []ocispec.Descriptor, wanted wish) (ocispec.Descriptor, error) {
	var best ocispec.Descriptor
	most := 0
	var others []string
	for _, d := range entries {
		if d.Platform == nil {
			continue
		}
		p := platformOf(*d.Platform)
		if p.os == "unknown" {
			continue // an attestation
		}
		others = append(others, p.String())
		if fit := p.fit(wanted.platform); fit > most {
			best, most = d, fit
		}
	}
	if most == 0 && len(entries) == 1 && entries[0].Platform == nil {
		return entries[0], nil
	}
	if most == 0 {
		return best, &platformError{wanted: wanted.platform, has: others}
	}
	return best, nil
}

// image returns the image that a manifest describes.
func (d *imageManifest) image(ctx context.Context, s source.Source, sum digest.Digest, wanted wish) (*resolved, error) {
	switch d.Config.MediaType {
	case ocispec.MediaTypeImageConfig, "application/vnd.docker.container.image.v1+json", "":
	default:
		return nil, fmt.Errorf("it is not a container image: its configuration has the type %s", visible(d.Config.MediaType))
	}
	data, err := source.Read(ctx, s, *d.Config)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	var config ocispec.Image
	if err := json.Unmarshal(data, &config); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	r := &resolved{digest: sum, platform: platformOf(config.Platform), config: config.Config, layers: d.Layers}
	if !wanted.guessed && r.platform.os != "" && (r.platform.os != wanted.os || r.platform.arch != wanted.arch) {
		return nil, &platformError{wanted: wanted.platform, has: []string{r.platform.String()}}
	}
	for _, l := range d.Layers {
		if l.MediaType == source.MediaTypeUnpacked {
			r.digest = d.Config.Digest // the image's ID: an archive of Docker has no manifest
		}
		if err := checkLayer(l); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func checkLayer(d ocispec.Descriptor) error {
	switch t := d.MediaType; {
	case strings.Contains(t, "foreign") || strings.Contains(t, "nondistributable"):
		return errors.New("a layer is not in the registry, such as the base of a Windows image")
	case strings.HasSuffix(t, "+encrypted"):
		return errors.New("a layer is encrypted")
	}
	return source.CheckDigest(d.Digest)
}

// facts returns the configuration as findings need it.
func (r *resolved) facts() evidence.Config {
	c := evidence.Config{
		User: r.config.User, Entrypoint: r.config.Entrypoint, Command: r.config.Cmd, Env: r.config.Env, WorkingDir: r.config.WorkingDir,
	}
	for volume := range r.config.Volumes {
		c.Volumes = append(c.Volumes, path.Clean("/"+volume))
	}
	for port := range r.config.ExposedPorts {
		c.ExposedPorts = append(c.ExposedPorts, port)
	}
	slices.Sort(c.Volumes)
	slices.Sort(c.ExposedPorts)
	return c
}
