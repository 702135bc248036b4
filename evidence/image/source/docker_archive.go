// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// MediaTypeUnpacked is that of a layer whose digest is that of the tar file without
// compression, whatever compression it has: an archive of Docker names no others.
const MediaTypeUnpacked = "application/vnd.caseharden.layer.unpacked"

// A dockerArchive is what docker save writes. It has no manifest in the form of registries,
// and Root makes one.
type dockerArchive struct {
	name  reference.Named
	files files
	blobs map[digest.Digest]string // their names in the archive
}

func (a *dockerArchive) Close() error { return a.files.Close() }

type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func (a *dockerArchive) Root(context.Context) ([]byte, error) {
	data, err := readFile(a.files, dockerManifest)
	if err != nil {
		return nil, err
	}
	var images []dockerImage
	if err := json.Unmarshal(data, &images); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	image, err := a.choose(images)
	if err != nil {
		return nil, err
	}
	config, err := readFile(a.files, image.Config)
	if err != nil {
		return nil, err
	}
	var parsed ocispec.Image
	if err := json.Unmarshal(config, &parsed); err != nil {
		return nil, fmt.Errorf("%s: %w", shorten(image.Config), err)
	}
	if len(parsed.RootFS.DiffIDs) != len(image.Layers) {
		return nil, fmt.Errorf("the configuration has %d layers, and manifest.json has %d", len(parsed.RootFS.DiffIDs), len(image.Layers))
	}
	manifest := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromBytes(config), Size: int64(len(config)),
	}}
	manifest.SchemaVersion = 2
	a.blobs = map[digest.Digest]string{manifest.Config.Digest: image.Config}
	for i, id := range parsed.RootFS.DiffIDs {
		a.blobs[id] = image.Layers[i]
		manifest.Layers = append(manifest.Layers, ocispec.Descriptor{MediaType: MediaTypeUnpacked, Digest: id})
	}
	return json.Marshal(manifest)
}

func (a *dockerArchive) choose(images []dockerImage) (dockerImage, error) {
	for _, image := range images {
		for _, tag := range image.RepoTags {
			if parsed, err := Parse(tag); err == nil && parsed.String() == a.name.String() {
				return image, nil
			}
		}
	}
	switch len(images) {
	case 0:
		return dockerImage{}, errors.New("there is no image in it")
	case 1:
		return images[0], nil
	}
	return dockerImage{}, fmt.Errorf("there are %d images in it, and none is named %s", len(images), reference.FamiliarString(a.name))
}

func (a *dockerArchive) Blob(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	if a.blobs == nil {
		if _, err := a.Root(ctx); err != nil {
			return nil, err
		}
	}
	name, ok := a.blobs[d.Digest]
	if !ok {
		return nil, notThere(d.Digest.String())
	}
	return a.files.open(name)
}
